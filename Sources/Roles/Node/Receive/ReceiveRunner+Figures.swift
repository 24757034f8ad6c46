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

    /// Verified bytes that the transfers count which run now.
    static func received(in sources: Sources) -> PerMethod<Int64> {
        PerMethod(each: { method in sources.reduce(0) { $0 &+ ($1[id(method)]?.received ?? 0) } })
    }

    /// One look at the transfers: tells the machine, and whoever asks.
    func look() async {
        let now = context.clock.now
        if machine.phase == .fetching, diskRetry.isDue(at: now.uptime) { await beginFetching() }
        guard machine.phase == .fetching else {
            if let seed {
                let rate = await seed.status().up
                board.update { $0.upload = rate }
            }
            return
        }
        let sources = await sources()
        await reportCompleteFiles()
        let total = figures.total(Self.received(in: sources))
        for method in DeliveryMethod.allCases where machine.plan.usable.contains(method) {
            let trouble = trouble(method, sources, at: now)
            await apply(machine.observe(method, received: total[method], trouble: trouble, at: now))
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

    /// Before anything is known but the task: whoever asks now is told all of the truth, not that nothing is to do.
    func showTask() {
        figures.begin(sizes: remainingSizes, isComplete: state == .downloaded)
        show()
        board.set(task)
    }

    /// - Parameter sources: of the transfers that run now.
    func showFigures(sources: Sources) {
        let rates = PerMethod(each: { method in sources.reduce(0) { $0 + ($1[Self.id(method)]?.rate ?? 0) } })
        figures.look(Self.received(in: sources), rates: rates, machine: machine, most: mostBytes)
        var notes = [machine.notes, diskRetry.problem].filter { !$0.isEmpty }
        if notes.isEmpty {
            notes = DeliveryMethod.allCases.compactMap { method in
                (troubles[method].map { "\($0)" } ?? complaint(of: method, sources)).map { "\(method.rawValue): \($0)" }
            }
        }
        board.update { $0.notes = notes.joined(separator: "; ") }
        show()
        count()
    }

    /// Everything is here.
    func balanceAtEnd() {
        figures.complete(most: mostBytes, sizes: remainingSizes)
        board.update { $0.notes = "" }
        show()
        count()
        saveReceived()
    }

    /// Bytes of the files that do not lie here already, all of them and by the lists that they are in.
    private var mostBytes: Int64 { task.totalSize - task.localSameSize }
    private var remainingSizes: PerMethod<Int64> {
        task.remainingFiles().map { $0.reduce(Int64(0)) { $0 + task.fileList[$1].size } }
    }

    private func show() {
        let now = figures
        board.update {
            $0.received = now.received
            $0.pending = now.pending
            $0.rates = now.rates
        }
    }

    /// Tells the counters of the daemon what has come since they were told last.
    private func count() {
        let news = figures.uncounted()
        context.metrics.add(news.bt, to: .bytesFromPeers)
        context.metrics.add(news.obs, to: .bytesFromStore)
        context.metrics.add(news.cdn, to: .bytesFromCDN)
    }

    // MARK: Across restarts

    private var receivedPath: String { work + "/received" }

    func loadReceived() {
        guard let bytes = try? NodeFiles.read(receivedPath, limit: 1024) else { return }
        figures.restore(String(decoding: bytes, as: UTF8.self), total: task.totalSize)
        show()
    }

    func saveReceived() {
        let isLast = hasEnded || isStopped || state == .downloaded
        guard NodeFiles.exists(work), let text = figures.record(total: task.totalSize, isLast: isLast) else { return }
        // Figures for people: what is lost in a crash is a percent of them.
        try? NodeFiles.write(Array(text.utf8), to: receivedPath)
    }
}
