import Logging
import PeerWire
import SwarmCore

extension TorrentEngine {
    /// Connections that carry blocks of this peer.
    func allConnections(of key: PeerKey) -> [PeerConnection] {
        (connections[key].map { [$0] } ?? []) + (furtherConnections.open[key] ?? [])
    }

    /// The offer of further connections to a peer; nil if we accept none.
    func connectionOffer(for key: PeerKey) -> FurtherConnectionOffer? {
        guard furtherConnections.plan.areAccepted else { return nil }
        return FurtherConnectionOffer(id: furtherConnections.id(for: key), most: context.connectionLimits.most)
    }

    // MARK: Opening and closing

    /// Adds a further connection, which the peer or we have opened.
    func openedFurther(_ connection: PeerConnection, _ handshake: Handshake, of key: PeerKey) -> Bool {
        guard let first = connections[key] else { return false }
        if connection.isIncoming {
            let (own, all) = (furtherConnections.count(of: key), furtherConnections.count)
            guard furtherConnections.plan.mayAccept(connections: own, all: all) else { return false }
            connection.further = FurtherRole()
            connection.key = key
        } else if handshake.peerID != first.handshake?.peerID {
            return false
        }
        connection.capabilities = first.capabilities
        if let inbound = first.open?.inbound { connection.open?.inbound = inbound }
        furtherConnections.opened(connection, key)
        machine.setConnectionCount(furtherConnections.openCount(of: key), of: key)
        if first.path.choice == .bbr { chooseBBR(connection) }
        // It can send a part of the peer's queued blocks.
        dirty.insert(key)
        context.logger.debug(
            "a further connection",
            metadata: ["peer": "\(first.address)", "connections": "\(furtherConnections.count(of: key))"])
        return true
    }

    func closedFurther(_ connection: PeerConnection, _ reason: CloseReason, last: PeerConnection.Open?) {
        peers.handshakeEnded(of: connection)
        guard let key = connection.key, !isStopped, connections[key] != nil else { return }
        let wasOpen = furtherConnections.remove(connection, key)
        if wasOpen { machine.setConnectionCount(furtherConnections.openCount(of: key), of: key) }
        if wasOpen, furtherConnections.open[key] == nil, let first = connections[key], first.path.hasBBR {
            first.stream.setPacingLimit(nil)
        }
        let isOver = connection.further?.hasHeardLast == true
        if !isOver { furtherConnections.plan.failed(key) }
        switch reason {
        case .violation, .banned: connections[key]?.close(reason)
        default:
            guard wasOpen, !isOver else { return }
            machine.connectionLost(key, receiving: last?.incoming?.span, now: context.loop.now)
            dirty.insert(key)
        }
    }

    private func open(_ count: Int, to key: PeerKey) {
        guard let first = connections[key], let theirs = first.capabilities.furtherConnections,
            let address = first.listenAddress,
            let infoHash = first.open?.infoHash
        else { return }
        for _ in 0..<count {
            let connection: PeerConnection
            do { connection = try context.dial(address, infoHash: infoHash, owner: self) } catch {
                if case .unreachable = error { furtherConnections.plan.failed(key) }
                return
            }
            connection.further = FurtherRole(announced: theirs.id)
            connection.key = key
            peers.opens(connection)
            furtherConnections.dials(connection, key)
            connection.start()
        }
    }

    private func retire(_ count: Int, of key: PeerKey) {
        for connection in (furtherConnections.open[key] ?? []).suffix(count) {
            connection.leave()
            connection.flush()
        }
    }

    // MARK: Deciding

    /// Call a few times a second: measures the paths, and opens and closes connections as needed.
    func adjustFurtherConnections(_ now: Double) {
        for (key, connection) in connections { learnPath(of: connection, key) }
        for (key, open) in furtherConnections.open { for connection in open { learnPath(of: connection, key) } }
        if ticks % 10 == 0 { sharePacing(now) }
        guard furtherConnections.plan.areAccepted, !machine.isFinished, machine.asksPeers else { return }
        closeStalledConnections()
        let paths = connections.compactMap { key, connection -> FurtherConnectionPlan<PeerKey>.Path? in
            guard connection.listenAddress != nil, let most = connection.capabilities.furtherConnections?.most else {
                return nil
            }
            return .init(
                peer: key, roundTrip: connection.path.roundTrip, isLossy: connection.path.losesToUs,
                isGiving: machine.isGiving(key), connections: furtherConnections.count(of: key), most: most)
        }
        let steps = furtherConnections.plan.look(
            paths, all: furtherConnections.count, received: machine.transferred.down, remaining: machine.missingBytes,
            now: now)
        for step in steps {
            switch step {
            case .open(let key, let count): open(count, to: key)
            case .retire(let key, let count): retire(count, of: key)
            }
        }
    }

    /// Measures the path of a connection if that is due.
    func learnPath(of connection: PeerConnection, _ key: PeerKey) {
        let before = connection.path.roundTrip
        if connection.lookAtPath(context.connectionLimits) { chooseBBR(connection) }
        let roundTrip = connection.path.roundTrip
        guard !connection.isFurther, roundTrip != before else { return }
        machine.setLongRoundTrip(connection.path.isLong(context.connectionLimits) ? roundTrip : 0, of: key)
    }

    /// Closes a further connection whose block has stopped arriving while other connections continue.
    private func closeStalledConnections() {
        for (key, open) in furtherConnections.open {
            guard let first = connections[key] else { continue }
            let latest = open.reduce(first.lastReceived) { max($0, $1.lastReceived) }
            for connection in open
            where connection.incoming != nil
                && furtherConnections.plan.isStalled(lastReceived: connection.lastReceived, latest: latest)
            { connection.close(.timedOut) }
        }
    }

    private func sharePacing(_ now: Double) {
        for key in furtherConnections.open.keys {
            let all = allConnections(of: key).filter(\.path.hasBBR)
            let limit = PacingShare.limit(rate: machine.rates(of: key, now: now).up, connections: all.count)
            for connection in all { connection.stream.setPacingLimit(limit) }
        }
    }

    private func chooseBBR(_ connection: PeerConnection) {
        let code = connection.stream.setCongestionControl("bbr")
        connection.path.hasBBR = code == 0
        if code != 0, let text = context.advice.text(code) { report(.warning(text)) }
        context.logger.debug(
            "a long line with loss", metadata: ["peer": "\(connection.address)", "bbr": "\(code == 0)"])
    }
}
