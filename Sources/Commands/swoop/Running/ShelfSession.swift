import Foundation
import Logging
import Metainfo
import Swarm
import Threads

/// `swoop seed` with a directory of torrents: serves each to whoever asks for it, and tells the trackers of all of them, again
/// and again, at a pace that costs little.
struct ShelfSession: Sendable {
    let directory: TorrentDirectory
    let reporter: Reporter
    let options: TransferOptions
    let seedTime: Duration?

    /// Seconds between two looks at the directory.
    private static let look = Duration.seconds(2)
    /// Seconds between the beginnings of two rounds of announces, unless trackers ask for fewer; the time between two
    /// announces; and announces at a time.
    private static let round = 1_800.0
    private static let pause = Duration.milliseconds(5)
    private static let announcesAtOnce = 8

    func run(on node: SwarmNode) async throws {
        note(try await look())
        var options = options
        // The limit is that of all torrents together.
        await node.setLimits(up: options.uploadLimit, down: nil)
        options.uploadLimit = nil
        try await node.serve(directory, options: options)
        let listen = await node.listenAddress.map(\.description) ?? ""
        let count = directory.count
        reporter.event(
            .object([
                ("event", .string("serving")), ("torrents", .int(count)), ("listen", .string(listen)),
            ]))
        reporter.note("serving \(HumanText.plural(count, "torrent", "torrents")) of \(directory.path.shown) at \(listen)")
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await keepLooking() }
            group.addTask { [options] in await keepAnnouncing(on: node, options) }
            group.addTask {
                if let seedTime { try? await Task.sleep(for: seedTime) } else { await StopSignal.shared.wait() }
            }
            if seedTime != nil { group.addTask { await StopSignal.shared.wait() } }
            // The end of the time, or a signal.
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

    private func keepAnnouncing(on node: SwarmNode, _ options: TransferOptions) async {
        while !Task.isCancelled {
            let began = ContinuousClock.now
            let asked = await announceAll(on: node, options)
            let round = Duration.seconds(min(Self.round, max(asked ?? Self.round, 1)))
            try? await Task.sleep(until: began + round, clock: .continuous)
        }
    }

    /// - Returns: the shortest time that a tracker asked for.
    private func announceAll(on node: SwarmNode, _ options: TransferOptions) async -> Double? {
        await withTaskGroup(of: Double?.self) { group in
            var (shortest, underWay) = (Double.infinity, 0)
            for name in directory.announced {
                try? await Task.sleep(for: Self.pause)
                if Task.isCancelled { break }
                let torrent = await Threads.offload { [directory] in try? directory.torrent(name) }
                guard let torrent else { continue }
                if underWay >= Self.announcesAtOnce {
                    if case .some(.some(let one)) = await group.next() { shortest = min(shortest, one) }
                    underWay -= 1
                }
                group.addTask { await node.announce(torrent, options: options) }
                underWay += 1
            }
            for await one in group { if let one { shortest = min(shortest, one) } }
            return shortest.isFinite ? shortest : nil
        }
    }
}
