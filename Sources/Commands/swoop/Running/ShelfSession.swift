import Foundation
import Logging
import Metainfo
import Swarm
import Threads

/// `swoop seed` with a directory of torrents: serves each on demand, and announces all of them repeatedly, at a pace
/// that costs little.
struct ShelfSession: Sendable {
    let directory: TorrentDirectory
    let reporter: Reporter
    let options: TransferOptions
    let seedTime: Duration?

    /// Time between two scans of the directory.
    private static let look = Duration.seconds(2)
    /// Maximum seconds between two announces of a torrent; seconds until it is announced again if no tracker has
    /// responded; time between announces of two torrents; and the number of simultaneous announces.
    private static let longest = 1_800.0
    private static let retry = 300.0
    private static let pause = Duration.milliseconds(5)
    private static let announcesAtOnce = 8

    func run(on node: SwarmNode) async throws {
        note(try await look())
        var options = options
        // The limit applies to all torrents together.
        await node.setLimits(up: options.uploadLimit, down: nil)
        options.uploadLimit = nil
        try await node.serve(directory, options: options)
        let listen = await node.listenAddress.map(\.description) ?? ""
        let count = directory.count
        reporter.event(
            .object([
                ("event", .string("serving")), ("torrents", .int(count)), ("listen", .string(listen)),
            ]))
        reporter.note(
            "serving \(HumanText.plural(count, "torrent", "torrents")) of \(directory.path.shown) at \(listen)")
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await keepLooking() }
            group.addTask { [options] in await keepAnnouncing(on: node, options) }
            group.addTask {
                if let seedTime { try? await Task.sleep(for: seedTime) } else { await StopSignal.shared.wait() }
            }
            if seedTime != nil { group.addTask { await StopSignal.shared.wait() } }
            // The end of the seed time, or a signal.
            await group.next()
            group.cancelAll()
        }
    }

    private func look() async throws -> TorrentDirectory.Changes {
        try await Threads.offload { [directory] in Result { try directory.refresh() } }.get()
    }

    private func note(_ changes: TorrentDirectory.Changes) {
        for reason in changes.refused.prefix(20) { reporter.warning(reason) }
        if changes.refused.count > 20 { reporter.warning("and \(changes.refused.count - 20) more that are not served") }
    }

    private func keepLooking() async {
        while !Task.isCancelled {
            try? await Task.sleep(for: Self.look)
            do {
                let changes = try await look()
                note(changes)
                guard changes.added + changes.removed > 0 else { continue }
                reporter.event(
                    .object([("event", .string("changed")), ("torrents", .int(directory.count))]))
                reporter.note(
                    "\(HumanText.plural(changes.added, "torrent", "torrents")) added, \(changes.removed) gone: "
                        + "\(directory.count) in all")
            } catch {
                reporter.warning((error as? Failure)?.message ?? "\(error)")
                try? await Task.sleep(for: .seconds(30))
            }
        }
    }

    /// Announces each torrent at the time its tracker asked for, and new torrents at once.
    private func keepAnnouncing(on node: SwarmNode, _ options: TransferOptions) async {
        let clock = ContinuousClock()
        var due: [String: ContinuousClock.Instant] = [:]
        while !Task.isCancelled {
            let names = directory.announced
            let now = clock.now
            due = due.filter { names.contains($0.key) }
            let overdue = names.filter { due[$0].map { $0 <= now } ?? true }
            await withTaskGroup(of: (String, Double?).self) { group in
                func note(_ answer: (name: String, interval: Double?)) {
                    due[answer.name] = clock.now + .seconds(min(answer.interval ?? Self.retry, Self.longest))
                }
                var underWay = 0
                for name in overdue {
                    try? await Task.sleep(for: Self.pause)
                    if Task.isCancelled { break }
                    if underWay >= Self.announcesAtOnce, let answer = await group.next() {
                        note(answer)
                        underWay -= 1
                    }
                    group.addTask { await (name, announce(name, on: node, options)) }
                    underWay += 1
                }
                for await answer in group { note(answer) }
            }
            try? await Task.sleep(for: Self.look)
        }
    }

    private func announce(_ name: String, on node: SwarmNode, _ options: TransferOptions) async -> Double? {
        guard let torrent = await Threads.offload({ [directory] in try? directory.torrent(name) }) else { return nil }
        return await node.announce(torrent, options: options)
    }
}
