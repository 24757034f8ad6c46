import Policy
import Swarm
import Threads

// What came how, and what is the matter.
extension JobRunner {
    typealias Sources = [[String: SourceStatus]]

    /// The sources of both transfers as they are now.
    func sources() async -> Sources {
        var all: Sources = []
        for part in fetching?.parts ?? [] {
            let status = await part.transfer.status()
            all.append(status.sources)
            if part.usesPeers {
                let fromSite = earlierFromSite + status.receivedFromSite
                board.update { $0.receivedFromSite = max($0.receivedFromSite, fromSite) }
            }
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
        let now = host.clock.now
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
            troubles[method] = trouble(method, sources)
            await apply(machine.observe(method, received: total[method], trouble: troubles[method], at: now))
        }
        showFigures(sources: sources)
        await saveReceived()
    }

    /// Files that were complete when their transfer began are told by no event.
    private func reportCompleteFiles() async {
        for part in fetching?.parts ?? [] {
            for index in await part.transfer.completeFiles {
                guard let place = part.places[index], !reported.contains(place) else { continue }
                reported.insert(place)
                await apply(machine.fileComplete(place, at: host.clock.now))
            }
        }
    }

    /// What a method complains of, as its source has told the transfer.
    private func trouble(_ method: DeliveryMethod, _ sources: Sources) -> SourceTrouble? {
        guard machine.status(method).isActive, let fetching else { return nil }
        if method == .bt {
            guard fetching.peers != nil, case .exhausted? = sources.first?["peers"]?.state else { return nil }
            return .noPeerHasPiece
        }
        if let problem = fetching.problems[method] { return problem }
        let found = sources.compactMap { source -> SourceTrouble? in
            switch source[method.rawValue]?.state {
            // What the engine takes for trouble that passes is that: it asks again by itself.
            case .failing(let reason, _)?: reason.kind == .wrongContent ? .other(reason.text) : SourceTrouble(reason)
            case .exhausted(let reason, _)?: reason.kind == .other ? .unusable(reason.text) : SourceTrouble(reason)
            default: nil
            }
        }
        return found.first(where: \.meansNoSource) ?? found.first
    }

    /// - Parameter sources: of the transfers that run now.
    func showFigures(sources: Sources) {
        let rates = PerMethod(each: { method in sources.reduce(0) { $0 + ($1[Self.id(method)]?.rate ?? 0) } })
        figures.look(Self.received(in: sources), rates: rates, machine: machine, most: mostBytes)
        var notes = [machine.notes, diskRetry.problem].filter { !$0.isEmpty }
        if notes.isEmpty {
            notes = DeliveryMethod.allCases.compactMap { method in
                // That no peer has a piece yet is nothing to report: peers come and go.
                guard method != .bt, machine.status(method).isActive else { return nil }
                return troubles[method].map { "\(method.rawValue): \($0)" }
            }
        }
        board.update { $0.notes = notes.joined(separator: "; ") }
        show()
        count()
    }

    /// Everything is here.
    func balanceAtEnd() async {
        figures.complete(most: mostBytes, sizes: sizesAtEnd)
        board.update { $0.notes = "" }
        show()
        count()
        await saveReceived()
    }

    /// Bytes of the files that each method had in the end: a source that took over has those of the dead one.
    private var sizesAtEnd: PerMethod<Int64> {
        var sizes = PerMethod<Int64>(repeating: 0)
        for (file, home) in job.plan.homes.enumerated()
        where !record.local.contains(file) && job.files.indices.contains(file) {
            if let method = machine.owner(of: file) ?? home { sizes[method] &+= job.files[file].size }
        }
        return sizes
    }

    /// Bytes of the files that do not lie here already.
    var mostBytes: Int64 { job.totalSize - job.size(of: record.local) }

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
        for method in DeliveryMethod.allCases { hooks.count(.received(method), news[method]) }
    }

    // MARK: Across restarts

    private var receivedPath: String { job.places.work + "/received" }

    func loadReceived() async {
        let path = receivedPath
        guard let bytes = await Threads.offload({ try? PathFiles.read(path, limit: 1024) }) else { return }
        figures.restore(String(decoding: bytes, as: UTF8.self), total: job.totalSize)
        show()
    }

    func saveReceived() async {
        let isLast = hasEnded || isStopped || state == .serving
        guard let text = figures.record(total: job.totalSize, isLast: isLast) else { return }
        let (work, path) = (job.places.work, receivedPath)
        await Threads.offload {
            guard PathFiles.exists(work) else { return }
            // Figures for people: what is lost in a crash is a percent of them.
            try? PathFiles.write(Array(text.utf8), to: path)
        }
    }
}
