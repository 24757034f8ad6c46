import Hashing

/// Fields of messages, decoded from complete frames.
extension FrameDecoder {
    func index(of kind: MessageKind, _ bytes: UnsafeRawBufferPointer) throws(ProtocolViolation) -> UInt32 {
        let index = bytes.number(at: 5)
        let count = content?.pieceCount ?? limits.mostPieces
        guard Int(index) < count else { throw .pieceOutOfRange(message: kind, index: index) }
        return index
    }

    func block(of kind: MessageKind, _ bytes: UnsafeRawBufferPointer) throws(ProtocolViolation) -> BlockRequest {
        let block = BlockRequest(
            index: try index(of: kind, bytes), begin: bytes.number(at: 9), length: bytes.number(at: 13))
        guard Int(block.length) <= limits.longestBlock else {
            throw .blockTooLong(message: kind, length: block.length, limit: limits.longestBlock)
        }
        if let content {
            guard content.contains(block) else { throw .blockOutOfRange(message: kind, block) }
        } else {
            let (_, overflow) = block.begin.addingReportingOverflow(block.length)
            guard block.length > 0, !overflow else { throw .blockOutOfRange(message: kind, block) }
        }
        return block
    }

    func hashRequest(_ bytes: UnsafeRawBufferPointer) throws(ProtocolViolation) -> HashRequest {
        guard let root = SHA256Digest(bytes: bytes[5..<37]) else { throw .malformedHashes }
        return HashRequest(
            piecesRoot: root, baseLayer: bytes.number(at: 37), index: bytes.number(at: 41),
            length: bytes.number(at: 45),
            proofLayers: bytes.number(at: 49))
    }

    /// The header gives the number of hashes, so it is checked before the hashes have arrived.
    func hashes(length: Int, _ bytes: UnsafeRawBufferPointer) throws(ProtocolViolation) -> Frame {
        let header = HashRequest.frameLength
        let limit = header + 32 * (limits.mostHashes + limits.mostProofLayers)
        guard length <= limit else { throw .tooLong(message: .hashes, length: length, limit: limit) }
        guard length > header, (length - header) % 32 == 0 else { throw .wrongLength(message: .hashes, length: length) }
        guard bytes.count >= 4 + header else { return .needMore(atLeast: 4 + header) }
        let request = try hashRequest(bytes)
        guard request.isWellFormed(limits: limits), length == header + 32 * request.hashCount else {
            throw .malformedHashes
        }
        guard bytes.count >= 4 + length else { return .needMore(atLeast: 4 + length) }
        var digests: [SHA256Digest] = []
        digests.reserveCapacity(request.hashCount)
        for start in stride(from: 4 + header, to: 4 + length, by: 32) {
            guard let digest = SHA256Digest(bytes: bytes[start..<(start + 32)]) else { throw .malformedHashes }
            digests.append(digest)
        }
        return .message(.hashes(request, digests), consumed: 4 + length)
    }

    /// Extended messages carry the ids that we advertised (`ExtensionName.ownID`).
    mutating func extended(length: Int, _ bytes: UnsafeRawBufferPointer) throws(ProtocolViolation) -> Frame {
        guard length >= 2 else { throw .wrongLength(message: .extended, length: length) }
        guard bytes.count >= 6 else { return .needMore(atLeast: 6) }
        let id = bytes[5]
        let name = ExtensionName(ownID: id)
        guard id == 0 || name != nil else { return try skipExtended(bytes, length: length) }

        let limit = 2 + longest(name)
        guard length <= limit else { throw .tooLong(message: .extended, length: length, limit: limit) }
        guard bytes.count >= 4 + length else { return .needMore(atLeast: 4 + length) }
        let payload = [UInt8](bytes[6..<(4 + length)])
        guard let message = try ExtendedMessage.decode(name, payload, content: content, limits: limits) else {
            return .skipped(consumed: 4 + length)
        }
        return .message(.extended(message), consumed: 4 + length)
    }

    private func longest(_ name: ExtensionName?) -> Int {
        switch name {
        case nil: limits.longestExtensionHandshake
        case .metadata: limits.longestMetadata
        case .peerExchange: limits.longestPeerExchange
        case .uploadOnly: 1
        case .dontHave, .grant, .lacks: 4
        case .claim: 8
        }
    }
}

extension ExtendedMessage {
    /// - Parameter name: nil for the extension handshake.
    /// - Returns: nil for a message to ignore (BEP 9: unknown message types).
    static func decode(
        _ name: ExtensionName?, _ payload: [UInt8], content: ContentBounds?, limits: WireLimits
    ) throws(ProtocolViolation) -> ExtendedMessage? {
        switch name {
        case nil: return .handshake(try ExtensionHandshake(wire: payload, limits: limits))
        case .metadata: return try MetadataMessage(wire: payload, limits: limits).map(ExtendedMessage.metadata)
        case .peerExchange: return .peerExchange(try PeerExchange(wire: payload, limits: limits))
        case .uploadOnly:
            guard payload.count == 1 else { throw .malformedExtension(.uploadOnly) }
            return .uploadOnly(payload[0] != 0)
        case .dontHave:
            return .dontHave(try pieceIndex(of: .dontHave, payload, content: content, limits: limits))
        case .lacks: return .lacks(try pieceIndex(of: .lacks, payload, content: content, limits: limits))
        case .grant:
            if payload.isEmpty { return .grantOver }
            if payload.count == 1 { return .grants(payload[0] != 0) }
            if payload == [0xff, 0xff, 0xff, 0xff] { return .grant(nil) }
            return .grant(try pieceIndex(of: .grant, payload, content: content, limits: limits))
        case .claim:
            guard payload.count == 8 else { throw .malformedExtension(.claim) }
            let piece = try pieceIndex(of: .claim, Array(payload[..<4]), content: content, limits: limits)
            return .claim(piece: piece, number: payload[4...].reduce(0) { $0 << 8 | UInt32($1) })
        }
    }

    private static func pieceIndex(
        of name: ExtensionName, _ payload: [UInt8], content: ContentBounds?, limits: WireLimits
    ) throws(ProtocolViolation) -> UInt32 {
        guard payload.count == 4 else { throw .malformedExtension(name) }
        let index = payload.reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        guard Int(index) < content?.pieceCount ?? limits.mostPieces else {
            throw .pieceOutOfRange(message: .extended, index: index)
        }
        return index
    }
}
