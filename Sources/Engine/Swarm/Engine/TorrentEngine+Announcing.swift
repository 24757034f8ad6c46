import Address
import Hashing
import Metainfo
import Reactor
import SwarmCore
import Tracking

/// Announces to trackers, and the peers in their responses.
extension TorrentEngine {
    /// With this many peers, the tracker is not asked for more before the next regular announce.
    private static let enoughPeers = 30

    func startAnnouncing() {
        guard options.usesPeers, !isQuiet, !announces.tiers.joined().isEmpty else { return }
        let round = announces.begin()
        for (index, hash) in wireHashes.all.enumerated() {
            let enter = enter
            let announcer = SwarmAnnouncer(
                infoHash: hash, tiers: announces.tiers, context: context, options: options,
                progress: { [unowned self] in announcedProgress },
                found: { [weak self] in self?.found($0, in: hash) },
                warn: { [weak self] in self?.report(.warning($0)) },
                enter: { body in
                    enter { if let announcer = $0.announces.announcer(index, ofRound: round) { body(announcer) } }
                })
            announces.add(announcer)
        }
        for announcer in announces.announcers { announcer.start() }
        for url in announces.announcers.first?.ignoredTrackers ?? [] {
            report(.warning("tracker ignored: only http, https and udp are spoken here (\(url.prefix(60)))"))
        }
    }

    private var announcedProgress: SwarmAnnouncer.Progress {
        let layout = info.layout
        let (down, up) = machine.transferred
        var progress = SwarmAnnouncer.Progress()
        if options.blob != nil { progress.unreached = known.takeUnreached() }
        progress.uploaded = up
        progress.downloaded = down
        let missing = layout.pieceCount - machine.have.count
        progress.left =
            machine.have.isFull ? 0 : max(1, min(layout.totalLength, Int64(missing) * Int64(layout.pieceLength)))
        progress.isPaused = (machine.isFinished || !machine.asksPeers) && !machine.have.isFull
        // A host that no peer has reached, while it reached others, is probably behind a firewall.
        progress.isUnreachable = !exchange.hasIncoming && connections.count >= 2 && context.loop.now - startedAt > 60
        return progress
    }

    /// - Parameter hash: whose swarm they are of; nil for the torrent's first.
    func found(_ addresses: [PeerAddress], in hash: SHA1Digest? = nil) {
        guard !isStopped else { return }
        let hash = hash ?? wireHashes.primary
        known.found(addresses, in: hash)
        dial()
        carryOutActions()
    }

    func updateAnnouncers(_ now: Double) {
        let isShort = connections.count < Self.enoughPeers && !machine.isFinished
        for announcer in announces.announcers {
            announcer.setPeers(wanted: isShort ? 200 : 50, needed: isShort && connections.count < options.fewPeers)
        }
    }
}
