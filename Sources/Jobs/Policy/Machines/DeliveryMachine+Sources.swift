// Windows, failed sources, and reassignment of their files.
extension DeliveryMachine {
    /// Reports the progress of a method; call about once a second.
    /// - Parameters:
    ///   - received: bytes received by this method since the machine was created, as precise as possible, so that a
    ///     slow method with large pieces does not count as silent.
    ///   - trouble: why it receives nothing now; nil if there is no problem.
    package mutating func observe(
        _ method: DeliveryMethod, received: Int64, trouble: SourceTrouble?, at now: Moment
    ) -> [DeliveryAction] {
        if let since = methods[method].activeSince {
            methods[method].activeTime += max(0, now.uptime - (methods[method].lastObserved ?? since))
            methods[method].measured += Double(max(0, received - methods[method].received))
        }
        methods[method].lastObserved = now.uptime
        if received > methods[method].received {
            methods[method].lastByte = now.uptime
            methods[method].troubledSince = nil
            // Bytes that were in flight when the method was given up are no evidence that it works again.
            if methods[method].exhaustion == nil { provedItself(method) }
        }
        methods[method].received = max(received, methods[method].received)
        note(trouble, method, at: now)
        return advance(at: now)
    }

    /// The result of a probe of a method without a source.
    /// - Parameter trouble: the problem; nil if the probe succeeded.
    package mutating func probed(
        _ method: DeliveryMethod, trouble: SourceTrouble?, at now: Moment
    ) -> [DeliveryAction] {
        guard methods[method].exhaustion != nil else { return [] }
        if let trouble {
            methods[method].failures += 1
            methods[method].exhaustion = Exhaustion(
                reason: trouble, nextProbe: now.uptime + plan.settings.probing.delay(after: methods[method].failures))
        } else {
            takePartAgain(method)
        }
        return advance(at: now)
    }

    private mutating func note(_ trouble: SourceTrouble?, _ method: DeliveryMethod, at now: Moment) {
        guard let trouble else {
            methods[method].troubledSince = nil
            return
        }
        guard trouble.meansNoSource, methods[method].activeSince != nil, methods[method].exhaustion == nil else {
            return
        }
        if trouble == .noPeerHasPiece {
            let since = methods[method].troubledSince ?? now.uptime
            methods[method].troubledSince = since
            guard now.uptime - since >= plan.settings.peerGrace else { return }
        }
        exhaust(method, trouble, at: now)
    }

    private mutating func exhaust(_ method: DeliveryMethod, _ reason: SourceTrouble, at now: Moment) {
        let delay = plan.settings.probing.delay(after: methods[method].failures)
        // Counted now, so that a source that answers probes but sends nothing is probed less and less often.
        methods[method].failures += 1
        methods[method].exhaustion = Exhaustion(reason: reason, nextProbe: now.uptime + delay)
        methods[method].troubledSince = nil
        mayHandOver = true
    }

    /// A method that answers a probe gets one file of its share back, and the others when bytes have arrived, so that a
    /// method that stalls again delays only that file.
    private mutating func takePartAgain(_ method: DeliveryMethod) {
        methods[method].exhaustion = nil
        methods[method].troubledSince = nil
        methods[method].isOnTrial = true
        mayHandOver = true
        guard methods[method].missingCount == 0 else { return }
        let file = filesToTakeBack(method).last { file in
            // If it stalled in an earlier trial, another method keeps its last file.
            methods[method].failures < 2 || (files[file].owner.map { methods[$0].missingCount > 1 } ?? true)
        }
        if let file { setOwner(method, of: file) }
    }

    private mutating func provedItself(_ method: DeliveryMethod) {
        methods[method].failures = 0
        guard methods[method].isOnTrial else { return }
        methods[method].isOnTrial = false
        for file in filesToTakeBack(method) { setOwner(method, of: file) }
    }

    /// Missing files of the method's share that other methods have now.
    private func filesToTakeBack(_ method: DeliveryMethod) -> [Int] {
        files.indices.filter {
            plan.homes[$0] == method && files[$0].owner != method && files[$0].progress == .missing
                && !files[$0].wrongFrom.contains(method) && !files[$0].wasTakenOver
        }
    }

    mutating func updateWindows(at now: Moment) {
        for method in DeliveryMethod.allCases {
            let isOpen = plan.windows[method].isOpen(at: now.wall, clock: clock)
            if isOpen != methods[method].isOpen { mayHandOver = true }
            methods[method].isOpen = isOpen
        }
    }

    /// Finds methods that have been silent for too long, and methods whose next probe is due.
    mutating func updateSources(at now: Moment) -> [DeliveryAction] {
        var actions: [DeliveryAction] = []
        for method in DeliveryMethod.allCases where plan.usable.contains(method) {
            if let deadline = silenceDeadline(method), methods[method].isOpen, now.uptime >= deadline {
                exhaust(method, .silent(seconds: Int(plan.settings.sourceTimeout)), at: now)
            }
            // Outside its window a method transfers nothing, not even the byte of a probe.
            guard let exhaustion = methods[method].exhaustion, methods[method].isOpen, !exhaustion.isProbing,
                now.uptime >= exhaustion.nextProbe
            else { continue }
            methods[method].exhaustion?.isProbing = true
            actions.append(.probe(method))
        }
        return actions
    }

    /// When (uptime) a method that receives nothing has no source left; nil while it need not receive anything.
    func silenceDeadline(_ method: DeliveryMethod) -> Double? {
        guard let since = methods[method].activeSince, methods[method].exhaustion == nil else { return nil }
        return max(since, methods[method].lastByte) + plan.settings.sourceTimeout
    }

    /// Reassigns files of methods without a source.
    mutating func handOver() {
        mayHandOver = false
        for method in DeliveryMethod.allCases where methods[method].exhaustion != nil {
            for file in missingFiles(of: method) {
                if let taker = taker(for: file, besides: [method]) { setOwner(taker, of: file) }
            }
        }
    }

    /// The method to fetch a file whose owner cannot: one with a source; open windows before closed ones, free methods
    /// before costly ones, then the one with the least to do.
    func taker(for file: Int, besides: Set<DeliveryMethod>) -> DeliveryMethod? {
        let candidates = DeliveryMethod.allCases.filter {
            !besides.contains($0) && plan.canServe($0, file) && methods[$0].exhaustion == nil
                && !files[file].wrongFrom.contains($0)
        }
        let rank = { (method: DeliveryMethod) in
            (methods[method].isOpen ? 0 : 1, methods[method].missingBytes, method.rank)
        }
        return candidates.min { rank($0) < rank($1) }
    }

    /// The method to fetch a wrong file again: another method, else one that has no source now, else the same.
    func otherSource(for file: Int) -> DeliveryMethod? {
        if let taker = taker(for: file, besides: []) { return taker }
        let able = DeliveryMethod.allCases.filter { plan.canServe($0, file) }
        return able.first { !files[file].wrongFrom.contains($0) } ?? files[file].owner ?? able.first
    }

    /// Assigns files without an owner.
    /// - Returns: a file that no method may fetch.
    mutating func placeOrphans() -> Int? {
        for file in files.indices where files[file].isWanted && files[file].progress == .missing {
            if let owner = files[file].owner, plan.canServe(owner, file) { continue }
            if let home = plan.homes[file], plan.canServe(home, file), !files[file].wrongFrom.contains(home) {
                setOwner(home, of: file)
            } else if let taker = taker(for: file, besides: []) {
                setOwner(taker, of: file)
            } else {
                return file
            }
        }
        return nil
    }

    /// Lets each method that has finished, and may be used beyond its share, take over files of the slowest.
    mutating func rebalance(at now: Moment) {
        guard now.uptime >= nextRebalance else { return }
        for method in DeliveryMethod.allCases
        where plan.usable.contains(method) && plan.isFree(method) && methods[method].isOpen
            && methods[method].exhaustion == nil && methods[method].missingCount == 0
        {
            let taken = filesToTakeOver(by: method)
            if taken.isEmpty { nextRebalance = now.uptime + 1 }
            for file in taken {
                setOwner(method, of: file)
                files[file].wasTakenOver = true
            }
        }
    }

    /// The last files of the method that would take longest: at most a quarter of its bytes at a time, so that changed
    /// rates can be considered, and at least one file.
    private func filesToTakeOver(by method: DeliveryMethod) -> [Int] {
        let others = DeliveryMethod.allCases.filter { $0 != method && methods[$0].missingCount > 0 }
        guard let slowest = others.max(by: { timeLeft($0) < timeLeft($1) }) else { return [] }
        // A method keeps its only file if it is about as fast as this one has been.
        let moves = methods[slowest].activeSince != nil && methods[slowest].rate >= methods[method].rate / 2
        guard methods[slowest].missingCount > 1 || !moves else { return [] }
        var bytes = methods[slowest].missingBytes / 4
        var taken: [Int] = []
        for file in missingFiles(of: slowest).reversed() {
            guard taken.isEmpty || plan.sizes[file] <= bytes, taken.count < max(1, methods[slowest].missingCount / 4)
            else {
                break
            }
            guard plan.canServe(method, file), !files[file].wasTakenOver, !files[file].wrongFrom.contains(method) else {
                continue
            }
            taken.append(file)
            bytes -= plan.sizes[file]
        }
        return taken
    }

    /// Estimated seconds until a method has fetched its files. A method without progress counts as slower than any
    /// other.
    private func timeLeft(_ method: DeliveryMethod) -> Double {
        guard methods[method].activeSince != nil, methods[method].rate > 0 else { return .infinity }
        return Double(methods[method].missingBytes) / methods[method].rate
    }
}
