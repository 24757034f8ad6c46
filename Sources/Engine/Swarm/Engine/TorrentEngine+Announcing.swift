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

    func startAnnouncing(_ trackers: [[String]]) {
        guard options.usesPeers, !isQuiet, !trackers.joined().isEmpty else { return }
        // Responses to earlier announcers must not be used for these.
        announcing += 1
        let round = announcing
        for (index, hash) in info.hashes.wire.enumerated() {
            let enter = enter
            let announcer = SwarmAnnouncer(
                infoHash: hash, tiers: trackers, context: context, advertised: options.announceAddress,
                progress: { [unowned self] in announcedProgress },
                found: { [weak self] in self?.found($0, in: hash) },
                warn: { [weak self] in self?.report(.warning($0)) },
                enter: { body in
                    enter {
                        if $0.announcing == round, $0.announcers.indices.contains(index) { body($0.announcers[index]) }
                    }
                })
            announcers.append(announcer)
        }
        for announcer in announcers { announcer.start() }
        for url in announcers.first?.ignoredTrackers ?? [] {
            report(.warning("tracker ignored: only http, https and udp are spoken here (\(url.prefix(60)))"))
        }
    }

    private var announcedProgress: SwarmAnnouncer.Progress {
        let layout = info.layout
        let (down, up) = machine.transferred
        var progress = SwarmAnnouncer.Progress()
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

    private func found(_ addresses: [PeerAddress], in hash: SHA1Digest) {
        guard !isStopped else { return }
        if hash != info.hashes.primary {
            for address in addresses where !book.isConnected(address) { swarmOf[address] = swarmOf[address] ?? hash }
        } else {
            for address in addresses { swarmOf[address] = nil }
        }
        book.learn(addresses, from: .tracker)
        dial()
        carryOutActions()
    }

    func updateAnnouncers(_ now: Double) {
        let isShort = connections.count < Self.enoughPeers && !machine.isFinished
        for announcer in announcers {
            announcer.setPeers(wanted: isShort ? 200 : 50, needed: isShort && connections.count < 3)
        }
    }
}
