import Admission
import Hashing
import Logging
import Metainfo
import PeerWire
import Reactor
import Storage
import SwarmCore
import Tracking

/// Peers that join and leave, and their messages.
extension TorrentEngine {
    // MARK: New connections

    func dial() {
        guard options.usesPeers, !isQuiet, !machine.isFinished || machine.peerCount < 200 else { return }
        // A seed from the beginning is where all begins, and may be behind a firewall.
        let hasFinishedHere = machine.isFinished && machine.acceptedBytes > 0
        dial(connections: connections.count, dialled: peers.dialled, isUnhurried: hasFinishedHere)
    }

    func opens(_ connection: PeerConnection) { peers.opens(connection) }

    /// Accepts an incoming connection for this torrent.
    func adopt(_ connection: PeerConnection) -> Bool {
        guard !isStopped, options.usesPeers, !isQuiet, !peers.isBanned(connection.address.source) else {
            return false
        }
        peers.opens(connection)
        return true
    }

    func opened(_ connection: PeerConnection, _ handshake: Handshake) -> Bool {
        peers.handshakeEnded(of: connection)
        if let key = connection.isIncoming
            ? furtherConnections.key(of: handshake.peerID) : connection.isFurther ? connection.key : nil
        {
            return openedFurther(connection, handshake, of: key)
        }
        let (id, source) = (handshake.peerID, connection.address.source)
        switch peers.verdict(on: id, at: source, isIncoming: connection.isIncoming) {
        case .admitted: break
        case .replaces(let key): connections[key]?.close(.redundant)
        case .banned: return false
        case .own, .duplicate:
            if !connection.isIncoming { known.book.shun(connection.address) }
            return false
        }
        guard !connection.isIncoming || makeRoom(for: source) else { return false }
        if !connection.isIncoming { known.book.connected(connection.address) }
        var traits = PeerTraits(supportsFast: handshake.reserved.contains(.fast))
        traits.isNear = isNear(connection)
        traits.isOrigin = options.isOrigin?(connection.address) ?? false
        let key = machine.join(traits, now: context.loop.now)
        connection.key = key
        connection.open?.answers = PendingAnswers(
            budget: PendingAnswers.budget(metadata: info.bytes.count, pieces: info.layout.pieceCount))
        connection.open?.inbound = inboundLimits(isNear: traits.isNear)
        peers.joined(connection, as: key, id, now: context.loop.now)
        if connection.isIncoming { exchange.hasIncoming = true }
        // Our holdings are sent first, as older clients expect.
        carryOutActions()
        if connection.isOpen, handshake.reserved.contains(.extensionProtocol) {
            sendExtensionHandshake(connection)
        }
        return connection.isOpen
    }

    /// If the torrent is full, closes the connection without progress for longest instead of the new one.
    private func makeRoom(for source: Source) -> Bool {
        switch peers.room(for: source, now: context.loop.now) {
        case .free: return true
        case .full: return false
        case .afterClosing(let key):
            connections[key]?.close(.evicted)
            return true
        }
    }

    func progressed(_ connection: PeerConnection) {
        if connection.isIncoming, let key = connection.key { peers.progressed(key, now: context.loop.now) }
    }

    private func sendExtensionHandshake(_ connection: PeerConnection) {
        var handshake = ExtensionHandshake()
        handshake.ids = extensionIDs
        handshake.client = context.client
        handshake.port = context.listenPort
        handshake.requestDepth = machine.configuration.requestQueue
        handshake.metadataSize = info.bytes.count
        handshake.observedAddress = connection.address.addressBytes
        handshake.isUploadOnly = machine.isFinished ? true : nil
        handshake.longestRequest = machine.configuration.longestRequest
        handshake.uplink = efficiency.uplinkTold
        handshake.site = options.site
        if let key = connection.key, connection.handshake?.peerID.isSwoop == true {
            handshake.furtherConnections = connectionOffer(for: key)
        }
        connection.send(.extended(.handshake(handshake)))
        if let key = connection.key { dirty.insert(key) }
    }

    // MARK: Closed connections

    func closed(_ connection: PeerConnection, _ reason: CloseReason, last open: PeerConnection.Open?) {
        if connection.isFurther { return closedFurther(connection, reason, last: open) }
        let now = context.loop.now
        peers.handshakeEnded(of: connection)
        if let key = connection.key {
            peers.left(connection, key)
            for further in furtherConnections.forget(key) { further.close(.shutdown) }
            exchange.forget(key)
            forgetReach(of: key)
            _ = heldAnnouncements.takePieces(for: key)
            machine.leave(key, now: now)
        }
        if reason == .flooded { banFlooder(connection, open?.handshake.peerID) }
        if case .violation(let what) = reason {
            context.logger.debug(
                "peer broke the protocol", metadata: ["peer": "\(connection.address)", "what": "\(what)"])
        }
        guard let address = connection.listenAddress, !known.book.isBanned(address) else { return }
        if reason == .redundant {
            // The peer has everything and so have we; or there is another connection to it.
            known.book.shun(address)
        } else {
            if connection.key == nil, !connection.isIncoming, reason.isUnreachable { known.couldNotDial(address) }
            known.book.failed(address, now: now)
        }
    }

    func ban(_ key: PeerKey) {
        if let source = sources[key] { return source.sentBadPiece(judgedPiece) }
        guard let connection = connections[key] else { return }
        context.logger.warning("peer sent false bytes", metadata: ["peer": "\(connection.address)"])
        let place = connection.listenAddress ?? connection.address
        if options.onFalsePiece?(place, judgedPiece.value) == true { return connection.close(.failed("false bytes")) }
        if let address = connection.listenAddress { known.book.ban(address) }
        peers.ban(connection.handshake?.peerID, at: connection.address.source)
        connection.close(.banned)
    }

    private func banFlooder(_ connection: PeerConnection, _ id: PeerID?) {
        context.logger.warning("peer floods this host", metadata: ["peer": "\(connection.address)"])
        for other in peers.ban(id, at: connection.address.source) {
            connections[other]?.close(.banned)
        }
    }

    // MARK: Messages

    func received(_ message: Message, on connection: PeerConnection) {
        guard let key = connection.key else { return }
        if connection.isFurther { return connection.receivedFurther(message) }
        switch message {
        case .extended(.handshake(let handshake)): extended(handshake, connection, key)
        case .extended(.metadata(let message)): serveMetadata(message, connection)
        case .extended(.peerExchange(let message)): learn(message, connection, key)
        case .hashRequest(let request): serveHashes(request, connection)
        case .keepAlive, .hashes, .hashReject: break
        default:
            if case .extended(.uploadOnly(let flag)) = message { connection.capabilities.apply(uploadOnly: flag) }
            machine.received(message, from: key, now: context.loop.now)
            if machine.takeFlooder() != nil { connection.close(.flooded) }
        }
    }

    private func extended(_ handshake: ExtensionHandshake, _ connection: PeerConnection, _ key: PeerKey) {
        connection.capabilities.apply(handshake)
        let capabilities = connection.capabilities
        let longest = machine.configuration.longestRequest
        learnPath(of: connection, key)
        machine.update(key) { traits in
            traits.requestQueue = capabilities.requestDepth
            traits.longestRequest = min(capabilities.longestRequest, longest)
            if handshake.longestRequest != nil { traits.followsSuggestions = true }
            traits.supportsGrants = traits.supportsFast && capabilities.ids[.grant] != nil
            traits.isNear = isNear(connection)
            traits.supportsClaims = capabilities.ids[.claim] != nil
            traits.hearsLacks = capabilities.ids[.lacks] != nil
            traits.uplink = handshake.uplink ?? traits.uplink
            traits.supportsDontHave = capabilities.ids[.dontHave] != nil
        }
        connection.open?.inbound = inboundLimits(isNear: isNear(connection))
        // The first value counts: a peer that names one port after another would fill the address book.
        if connection.isIncoming, connection.listenAddress == nil, let port = capabilities.port {
            let address = connection.address.with(port: port)
            connection.listenAddress = address
            if known.book.isBanned(address) { return connection.close(.banned) }
            // An origin that dialled is known by where it listens.
            if options.isOrigin?(address) == true { machine.update(key) { $0.isOrigin = true } }
            known.book.connected(address)
            probeReach(of: connection, key)
        }
        if handshake.isUploadOnly == true {
            machine.received(.extended(.uploadOnly(true)), from: key, now: context.loop.now)
        }
    }

    // MARK: Blocks

    func beginBlock(_ header: PieceHeader, on connection: PeerConnection) -> BlockTarget {
        guard let key = connection.key else { return .violation }
        let span = BlockSpan(piece: Int(header.index), begin: Int(header.begin), length: Int(header.length))
        if furtherConnections.open[key] != nil,
            allConnections(of: key).contains(where: { $0 !== connection && $0.incoming?.span == span })
        {
            return .surplus
        }
        switch machine.beginBlock(span, from: key) {
        case .violation: return .violation
        case .discard: return .discard
        case .aside: return .memory(BlockMemory(length: span.length), offset: 0, placement: .aside)
        case .buffer:
            guard let memory = memory[span.piece] else { return .discard }
            return .memory(memory, offset: span.begin, placement: .buffer)
        }
    }

    func finishBlock(_ block: IncomingBlock, on connection: PeerConnection) {
        guard let key = connection.key else { return }
        if block.isSurplus { return }
        connection.progressed()
        if isGiven(connection) { receivedFromGiven += Int64(block.span.length) }
        storeBlock(block.span, from: key, block.memory, placement: block.placement)
    }

    /// Whether the peer is one of those that were given with the transfer.
    func isGiven(_ connection: PeerConnection) -> Bool {
        !options.extraPeers.isEmpty && options.extraPeers.contains(connection.listenAddress ?? connection.address)
    }

    /// A block has arrived completely.
    func storeBlock(_ span: BlockSpan, from key: PeerKey, _ memory: BlockMemory?, placement: SwarmMachine.Placement) {
        let before = machine.acceptedBytes
        let copies = machine.finishBlock(span, from: key, placement: placement, now: context.loop.now)
        if machine.acceptedBytes != before { arrivals.fromPeer(context.loop.now) }
        guard copies, let memory, let target = self.memory[span.piece] else { return }
        UnsafeMutableRawBufferPointer(rebasing: target.bytes[span.begin..<span.begin + span.length])
            .copyMemory(from: UnsafeRawBufferPointer(rebasing: memory.bytes[0..<span.length]))
    }

    func nextUpload(to connection: PeerConnection, _ open: PeerConnection.Open) -> UploadStep {
        guard let key = connection.key else { return .nothing }
        if isHeld { return .wait(0.05) }
        while let span = machine.peekUpload(to: key) {
            let now = context.loop.now
            let delay = max(
                limits.sendDelay(span.length, now), machine.precedenceDelay(to: key, bytes: span.length, now: now),
                room.delay(for: span.length, now: now),
                open.opening.delay(for: span.length, isAlone: connections.count == 1, now: now))
            if delay > 0 { return .wait(delay) }
            do {
                let regions = try regions(of: span)
                _ = machine.nextUpload(to: key)
                limits.sent(span.length, now: now)
                room.spend(span.length)
                if !heldAnnouncements.isEmpty { sayHeld(to: key) }
                open.opening.sent(span.length, now: now)
                return .send(span, regions)
            } catch {
                if error.kind == .tooManyOpenFiles {
                    shed(error)
                    return .wait(Self.shortagePause)
                }
                _ = machine.nextUpload(to: key)
                context.logger.error("content cannot be read", metadata: ["error": "\(error)"])
                report(.warning(error.message))
                machine.uploadFailed(span, to: key, now: now)
                lost(PieceIndex(unchecked: span.piece))
                if open.handshake.reserved.contains(.fast) { connection.send(.reject(span.wire)) }
            }
        }
        return .nothing
    }

    /// Where the bytes of a block are. Bytes requested past the end of the piece (see the machine) are zeros.
    private func regions(of span: BlockSpan) throws(StorageError) -> [UploadRegion] {
        let piece = PieceIndex(unchecked: span.piece)
        let end = info.layout.length(of: piece)
        let data = min(span.begin, end)..<min(span.begin + span.length, end)
        let regions = data.isEmpty ? [] : try home.files.regions(piece, data)
        let beyond = span.length - data.count
        return regions.map(UploadRegion.init) + (beyond > 0 ? [.memory([UInt8](repeating: 0, count: beyond))] : [])
    }

    func uploaded(_ bytes: Int, to connection: PeerConnection) {
        guard let key = connection.key else { return }
        context.sent.add(bytes, of: info.layout.extent, toOrigin: machine.isOrigin(key))
        machine.uploaded(bytes, to: key, now: context.loop.now)
    }

    func unreadable(_ span: BlockSpan, on connection: PeerConnection) {
        report(.warning("the content changed while it was served: piece \(span.piece) is shorter than it was"))
        lost(PieceIndex(unchecked: span.piece))
    }
}

extension UploadRegion {
    init(_ region: ContentFiles.Region) {
        switch region {
        case .file(let file, let offset, let length): self = .file(file, offset: offset, length: length)
        case .zeros(let count): self = .memory([UInt8](repeating: 0, count: count))
        }
    }
}
