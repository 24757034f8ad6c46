import Delivery
import Swarm

// What came how, and what is the matter.
extension ReceiveRunner {
    typealias Sources = [[String: SourceStatus]]

    /// The sources of both transfers as they are now.
    func sources() async -> Sources {
        var all: Sources = []
        for part in fetching?.parts ?? [] {
            let status = await part.transfer.status()
            all.append(status.sources)
            if part.usesPeers, let efficiency = status.efficiency { board.update { $0.efficiency = efficiency } }
        }
        return all
    }

    private static func id(_ method: DeliveryMethod) -> String { method == .bt ? "peers" : method.rawValue }

    static func received(_ method: DeliveryMethod, in sources: Sources) -> Int64 {
        sources.reduce(0) { $0 &+ ($1[id(method)]?.received ?? 0) }
    }

    /// One look at the transfers: tells the machine, and whoever asks.
    func look() async {
        let now = context.clock.now
        if let at = retryAt, now.uptime >= at, machine.phase == .fetching {
            diskProblem = ""
            await beginFetching()
        }
        guard machine.phase == .fetching else {
            if let seed {
                let rate = await seed.status().up
                board.update { $0.upload = rate }
            }
            return
        }
        let sources = await sources()
        await reportCompleteFiles()
        for method in DeliveryMethod.allCases where machine.plan.usable.contains(method) {
            let trouble = trouble(method, sources, at: now)
            let received = settled[method] + Self.received(method, in: sources)
            await apply(machine.observe(method, received: received, trouble: trouble, at: now))
        }
        showFigures(sources: sources)
        saveReceived()
    }

    /// Files that were complete when their transfer began are told by no event.
    private func reportCompleteFiles() async {
        for part in fetching?.parts ?? [] {
            for index in await part.transfer.completeFiles {
                guard let place = part.places[index], !reported.contains(place) else { continue }
                reported.insert(place)
                await apply(machine.fileComplete(place, at: context.clock.now))
            }
        }
    }

    /// What a method complains of. What a transfer says in words is asked once more in a way that can be judged.
    private func trouble(
        _ method: DeliveryMethod, _ sources: Sources, at now: Moment
    ) -> SourceTrouble? {
        let status = machine.status(method)
        guard status.isActive, let fetching else { return nil }
        if method == .bt {
            guard let part = fetching.peers else { return nil }
            return part.usesPeers && Self.isExhausted(sources.first?["peers"]) ? .noPeerHasPiece : nil
        }
        let failing = sources.compactMap { $0[method.rawValue] }.filter { Self.isFailing($0) }
        guard !failing.isEmpty else {
            troubles[method] = nil
            return nil
        }
        // A file that it does not give out, if there is one: another would say nothing.
        let places = zip(fetching.parts, sources).flatMap { part, sources in
            (sources[method.rawValue]?.missingFiles ?? []).compactMap { part.places[$0] }
        }
        if now.uptime - lastProbe[method] >= 5 {
            lastProbe[method] = now.uptime
            let probe = SourceProbe(task: task, context: context)
            children.append(
                Task { [weak self] in
                    let trouble = await probe.run(method, files: places.isEmpty ? status.files : places)
                    await self?.note(trouble, method)
                })
        }
        return troubles[method]
    }

    /// Why a method that answers brings nothing all the same: what it sends is wrong, or comes too slowly.
    private func complaint(of method: DeliveryMethod, _ sources: Sources) -> String? {
        guard method != .bt, machine.status(method).isActive else { return nil }
        for case .failing(let reason, _)? in sources.map({ $0[method.rawValue]?.state }) { return reason }
        for case .exhausted(let reason, _)? in sources.map({ $0[method.rawValue]?.state }) { return reason }
        return nil
    }

    /// - Parameter trouble: what a probe met; nil where it was answered.
    private func note(_ trouble: SourceTrouble?, _ method: DeliveryMethod) async {
        troubles[method] = trouble
        guard trouble == nil else { return }
        // It answers, and is no source as the transfer has found: what it sends is wrong.
        for case .exhausted(let reason, _)? in await sources().map({ $0[method.rawValue]?.state }) {
            troubles[method] = .wrongContent(reason)
        }
    }

    private static func isFailing(_ status: SourceStatus?) -> Bool {
        switch status?.state {
        case .failing, .exhausted: true
        default: false
        }
    }

    private static func isExhausted(_ status: SourceStatus?) -> Bool {
        if case .exhausted = status?.state { true } else { false }
    }

    /// Before anything is known but the task: who asks now is told all of the truth, not that nothing is to do.
    func showTask() {
        let sizes = task.remainingFiles().map { files in files.reduce(Int64(0)) { $0 + task.fileList[$1].size } }
        let isHere = state == .downloaded
        board.update {
            if isHere { $0.received = sizes } else { $0.pending = sizes }
        }
        board.set(task)
    }

    /// - Parameter sources: of the transfers that run now.
    func showFigures(sources: Sources) {
        let received = PerMethod(
            bt: settled.bt + Self.received(.bt, in: sources),
            obs: settled.obs + Self.received(.obs, in: sources),
            cdn: settled.cdn + Self.received(.cdn, in: sources))
        var notes = [machine.notes, diskProblem].filter { !$0.isEmpty }
        if notes.isEmpty {
            notes = DeliveryMethod.allCases.compactMap { method in
                (troubles[method].map { "\($0)" } ?? complaint(of: method, sources)).map { "\(method.rawValue): \($0)" }
            }
        }
        // A mean of the last seconds says nothing of a method that has been stopped.
        let rate = { (method: DeliveryMethod) in
            self.machine.status(method).isActive ? Self.rate(method, sources) : 0
        }
        let rates = PerMethod(bt: rate(.bt), obs: rate(.obs), cdn: rate(.cdn))
        let most = task.totalSize - task.localSameSize
        board.update {
            $0.received = Self.capped(received, to: most)
            $0.pending = pending(received: $0.received)
            $0.rates = rates
            $0.notes = notes.joined(separator: "; ")
        }
        countReceived()
    }

    /// What each method still has to bring: of all its files what did not come by it. All of it together is what is
    /// missing of the whole.
    private func pending(received: PerMethod<Int64>) -> PerMethod<Int64> {
        var owned = PerMethod<Int64>(repeating: 0)
        for (file, entry) in task.fileList.enumerated() {
            if let owner = machine.owner(of: file) { owned[owner] += entry.size }
        }
        var most = PerMethod<Int64>(repeating: 0)
        var pending = most
        for method in DeliveryMethod.allCases {
            most[method] = machine.status(method).files.reduce(0) { $0 + task.fileList[$1].size }
            pending[method] = min(most[method], max(0, owned[method] - received[method]))
        }
        // Files that changed hands, and what is counted late, leave a difference.
        var lack = max(0, task.totalSize - task.localSameSize - received.all.reduce(0, &+)) - pending.all.reduce(0, &+)
        for method in DeliveryMethod.allCases where lack != 0 {
            let change = max(-pending[method], min(lack, most[method] - pending[method]))
            pending[method] += change
            lack -= change
        }
        if lack > 0, let method = DeliveryMethod.allCases.max(by: { owned[$0] < owned[$1] }) { pending[method] += lack }
        return pending
    }

    private static func rate(_ method: DeliveryMethod, _ sources: Sources) -> Double {
        sources.reduce(0) { $0 + ($1[id(method)]?.rate ?? 0) }
    }

    /// Bytes that came twice, after a file had to be fetched again, count once.
    static func capped(_ received: PerMethod<Int64>, to most: Int64) -> PerMethod<Int64> {
        var received = received
        var excess = received.all.reduce(0, &+) - most
        for method in DeliveryMethod.allCases.sorted(by: { received[$0] > received[$1] }) where excess > 0 {
            let taken = min(excess, received[method])
            received[method] -= taken
            excess -= taken
        }
        return received
    }

    /// Everything is here: the parts make up the whole. What was not counted (a restart lost it) came by the methods
    /// that had the files.
    func balanceAtEnd() {
        let task = task
        let most = task.totalSize - task.localSameSize
        let sizes = task.remainingFiles().map { $0.reduce(Int64(0)) { $0 + task.fileList[$1].size } }
        board.update { figures in
            var received = Self.capped(figures.received, to: most)
            var lack = most - received.all.reduce(0, &+)
            for method in DeliveryMethod.allCases where lack > 0 {
                let added = min(lack, max(0, sizes[method] - received[method]))
                received[method] += added
                lack -= added
            }
            received.bt += max(0, lack)
            figures.received = received
            figures.rates = PerMethod(repeating: 0)
            figures.pending = PerMethod(repeating: 0)
            figures.notes = ""
        }
        countReceived()
        saveReceived()
    }

    // MARK: Across restarts

    private var receivedPath: String { work + "/received" }

    func loadReceived() {
        guard let bytes = try? NodeFiles.read(receivedPath, limit: 1024) else { return }
        let numbers = String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isWhitespace).compactMap {
            Int64($0)
        }
        guard numbers.count == 3, numbers.allSatisfy({ $0 >= 0 }) else { return }
        let noted = Self.capped(PerMethod(bt: numbers[0], obs: numbers[1], cdn: numbers[2]), to: task.totalSize)
        savedReceived = noted
        countedReceived = noted
        board.update { $0.received = noted }
    }

    /// Tells the daemon's counters what has come since they were told last.
    private func countReceived() {
        let now = board.now.received
        for (method, counter) in [
            (DeliveryMethod.bt, NodeMetrics.Counter.bytesFromPeers), (.obs, .bytesFromStore), (.cdn, .bytesFromCDN),
        ] where now[method] > countedReceived[method] {
            context.metrics.add(now[method] - countedReceived[method], to: counter)
            countedReceived[method] = now[method]
        }
    }

    func saveReceived() {
        let now = board.now.received
        let step = max(16 << 20, task.totalSize / 100)
        let isFar = zip(now.all, savedReceived.all).contains { abs($0 - $1) >= step }
        guard isFar || (hasEnded || isStopped || state == .downloaded) && now != savedReceived else { return }
        savedReceived = now
        guard NodeFiles.exists(work) else { return }
        // Figures for people: what is lost in a crash is a percent of them.
        try? NodeFiles.write(Array("\(now.bt) \(now.obs) \(now.cdn)\n".utf8), to: receivedPath)
    }
}
