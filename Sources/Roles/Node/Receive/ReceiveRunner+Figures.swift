import Delivery
import Swarm

// Progress by method, and problems.
extension ReceiveRunner {
    typealias Sources = [[String: SourceStatus]]

    /// The current sources of both transfers.
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

    /// Verified bytes of the current transfers.
    static func received(in sources: Sources) -> PerMethod<Int64> {
        PerMethod(each: { method in sources.reduce(0) { $0 &+ ($1[id(method)]?.received ?? 0) } })
    }

    /// Reads the status of the transfers, passes it to the machine and publishes it.
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

    /// There are no events for files that were complete when their transfer began.
    private func reportCompleteFiles() async {
        for part in fetching?.parts ?? [] {
            for index in await part.transfer.completeFiles {
                guard let place = part.places[index], !reported.contains(place) else { continue }
                reported.insert(place)
                await apply(machine.fileComplete(place, at: context.clock.now))
            }
        }
    }

    /// The problem of a method. A problem that a transfer reports only as text is checked again in a way that yields a
    /// typed value.
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
        // A file that the source does not deliver, if there is one: another file would show nothing.
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

    /// Why a method that responds brings nothing: its data is wrong, or arrives too slowly.
    private func complaint(of method: DeliveryMethod, _ sources: Sources) -> String? {
        guard method != .bt, machine.status(method).isActive else { return nil }
        for case .failing(let reason, _)? in sources.map({ $0[method.rawValue]?.state }) { return reason }
        for case .exhausted(let reason, _)? in sources.map({ $0[method.rawValue]?.state }) { return reason }
        return nil
    }

    /// - Parameter trouble: the problem found by a probe; nil if the probe succeeded.
    private func note(_ trouble: SourceTrouble?, _ method: DeliveryMethod) async {
        troubles[method] = trouble
        guard trouble == nil else { return }
        // The source responds, but the transfer has found it unusable: its data is wrong.
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

    /// Publishes the values that are known from the task alone, so that a progress call at this moment does not show
    /// that nothing is left to do.
    func showTask() {
        figures.begin(sizes: remainingSizes, isComplete: state == .downloaded)
        show()
        board.set(task)
    }

    /// - Parameter sources: of the current transfers.
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

    /// Everything is complete.
    func balanceAtEnd() {
        figures.complete(most: mostBytes, sizes: remainingSizes)
        board.update { $0.notes = "" }
        show()
        count()
        saveReceived()
    }

    /// Bytes of the files that were not on this host already, in total and by list.
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

    /// Adds the bytes received since the last call to the daemon's counters.
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
        // These figures are for people: a crash loses at most a percent of them.
        try? NodeFiles.write(Array(text.utf8), to: receivedPath)
    }
}
