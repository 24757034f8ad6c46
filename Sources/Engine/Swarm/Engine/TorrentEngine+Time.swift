import Storage
import SwarmCore

// What a torrent does as time passes.
extension TorrentEngine {
    private static let tickInterval = 0.1

    func tick() {
        guard !isStopped else { return }
        ticks += 1
        let now = context.loop.now
        machine.tick(now: now)
        dial()
        if !heldAnnouncements.isEmpty { sayHeld(now) }
        syncIfDue(now)
        if ticks % 10 == 0 {
            if let share = options.ownerShare { machine.setShare(share(info.hashes.primary), now: now) }
            exchangePeers(now)
            judgeEfficiency(now)
        }
        if ticks % 2 == 0 { adjustFurtherConnections(now) }
        if ticks % 5 == 0 { leaveRoom(now) }
        if ticks % 50 == 0 {
            for connection in Array(connections.values) + furtherConnections.open.values.joined() {
                connection.checkIdle()
            }
            updateAnnouncers(now)
            if home.isStaged { lackOfPeers.look(at: machine, progress, asks: options.usesPeers, now: now) }
        }
        pumpWebSeeds(now)
        checkTimeout(now)
        carryOutActions()
        // A torrent without peers has nothing to decide ten times a second.
        let interval = peers.isEmpty && sources.isEmpty ? 0.25 : Self.tickInterval
        tickTimer = context.loop.schedule(after: interval) { [weak self] in self?.tick() }
    }

    private func checkTimeout(_ now: Double) {
        guard let timeout = options.timeout else { return }
        // A host that has everything waits for nothing, until something is found wrong.
        if hasBytesUnderWay() || machine.isFinished { arrivals.last = now }
        guard now - arrivals.last > timeout.seconds else { return }
        fail(
            TransferError(
                .other, "not one byte came for \(timeout)",
                advice:
                    "Check that a seed is running and reachable; what is here is kept, run the same command to go on."))
    }

    /// Whether more of a wanted block, or of a web source's response, has arrived since the last check.
    private func hasBytesUnderWay() -> Bool {
        var hasMore = false
        for connection in connections.values where connection.incoming != nil {
            if connection.noteIncoming() { hasMore = true }
        }
        for connection in furtherConnections.open.values.joined() where connection.incoming != nil {
            if connection.noteIncoming() { hasMore = true }
        }
        for source in sources.all where source.noteIncoming() { hasMore = true }
        return hasMore
    }
}
