// Windows, sources that are gone, and who takes over.
extension DeliveryMachine {
    /// What a method has done, as often as the shell likes; once a second is plenty.
    /// - Parameters:
    ///   - received: bytes that came by this method since the machine was made, counted as finely as the shell can: a
    ///     slow method whose pieces are big is not silent.
    ///   - trouble: why it gets nothing now; nil if there is nothing to complain of.
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
            // Bytes that were under way when it was given up say nothing about what comes next.
            if methods[method].exhaustion == nil { provedItself(method) }
        }
        methods[method].received = max(received, methods[method].received)
        note(trouble, method, at: now)
        return settle(at: now)
    }

    /// Whether a method that had no source left answers again.
    /// - Parameter trouble: what the probe met; nil where it was answered.
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
        return settle(at: now)
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
        // Counted now, so that a source that answers probes and then gives nothing is asked ever more seldom.
        methods[method].failures += 1
        methods[method].exhaustion = Exhaustion(reason: reason, nextProbe: now.uptime + delay)
        methods[method].troubledSince = nil
        mayHandOver = true
    }

    /// A method that answers gets one file of its share back, and the others once bytes have come: one that answers
    /// probes and then stalls holds up no more than that file.
    private mutating func takePartAgain(_ method: DeliveryMethod) {
        methods[method].exhaustion = nil
        methods[method].troubledSince = nil
        methods[method].isOnTrial = true
        mayHandOver = true
        guard methods[method].missingCount == 0 else { return }
        let file = filesToTakeBack(method).last { file in
            // Where it stalled on trial before, another that has nothing else to do keeps its last file.
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

    /// Files of its share that are not here and that others have now.
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

    /// Finds methods that have been silent too long, and those whose time for a probe has come.
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

    /// Gives files of methods without a source to others.
    mutating func handOver() {
        mayHandOver = false
        for method in DeliveryMethod.allCases where methods[method].exhaustion != nil {
            for file in missingFiles(of: method) {
                if let taker = taker(for: file, besides: [method]) { setOwner(taker, of: file) }
            }
        }
    }

    /// Who fetches a file whose owner cannot: a method with a source; open before closed, free before costly, then
    /// the one with the least to do.
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

    /// Who fetches a file again that came wrong: another method, else one that has no source now, else the same.
    func otherSource(for file: Int) -> DeliveryMethod? {
        if let taker = taker(for: file, besides: []) { return taker }
        let able = DeliveryMethod.allCases.filter { plan.canServe($0, file) }
        return able.first { !files[file].wrongFrom.contains($0) } ?? files[file].owner ?? able.first
    }

    /// Gives files that nobody fetches to somebody.
    /// - Returns: a file that nobody may fetch.
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

    /// Lets each method that has nothing left to do, and may be used beyond its share, take files of the slowest.
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

    /// The last files of the method that would take longest: at most a quarter of its bytes at a time, so that what was
    /// thought of the rates can be thought again, and at least one file.
    private func filesToTakeOver(by method: DeliveryMethod) -> [Int] {
        let others = DeliveryMethod.allCases.filter { $0 != method && methods[$0].missingCount > 0 }
        guard let slowest = others.max(by: { timeLeft($0) < timeLeft($1) }) else { return [] }
        // Its only file stays with a method that moves about as fast as this one has.
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

    /// Seconds that a method needs for what it has to fetch. One that stands still takes longer than any that moves.
    private func timeLeft(_ method: DeliveryMethod) -> Double {
        guard methods[method].activeSince != nil, methods[method].rate > 0 else { return .infinity }
        return Double(methods[method].missingBytes) / methods[method].rate
    }
}
