import Hashing

extension Message {
    /// Appends the whole message, beginning with its length prefix.
    ///
    /// Extended messages are sent under the ids that the *peer* advertised in its extension handshake.
    /// - Parameter ids: the peer's ids; used for extended messages only.
    /// - Returns: false, with nothing appended, if the peer does not support the extension.
    @discardableResult
    public func encode(into buffer: inout [UInt8], ids: ExtensionIDs = ExtensionIDs()) -> Bool {
        switch self {
        case .keepAlive: buffer.append(bigEndian: UInt32(0))
        case .choke: Self.header(.choke, &buffer)
        case .unchoke: Self.header(.unchoke, &buffer)
        case .interested: Self.header(.interested, &buffer)
        case .notInterested: Self.header(.notInterested, &buffer)
        case .haveAll: Self.header(.haveAll, &buffer)
        case .haveNone: Self.header(.haveNone, &buffer)
        case .have(let index): Self.header(.have, index, &buffer)
        case .suggest(let index): Self.header(.suggest, index, &buffer)
        case .allowedFast(let index): Self.header(.allowedFast, index, &buffer)
        case .request(let block): Self.header(.request, block, &buffer)
        case .cancel(let block): Self.header(.cancel, block, &buffer)
        case .reject(let block): Self.header(.reject, block, &buffer)
        case .port(let port):
            Self.header(.port, payload: 2, &buffer)
            buffer.append(bigEndian: port)
        case .bitfield(let bytes):
            Self.header(.bitfield, payload: bytes.count, &buffer)
            buffer.append(contentsOf: bytes)
        case .hashRequest(let request): Self.header(.hashRequest, request, &buffer)
        case .hashReject(let request): Self.header(.hashReject, request, &buffer)
        case .hashes(let request, let digests):
            Self.header(.hashes, request, hashes: digests.count, &buffer)
            for digest in digests { buffer.append(contentsOf: digest.bytes) }
        case .extended(let message): return message.encode(into: &buffer, ids: ids)
        }
        return true
    }

    private static func header(_ kind: MessageKind, payload: Int = 0, _ buffer: inout [UInt8]) {
        buffer.append(bigEndian: UInt32(truncatingIfNeeded: 1 + payload))
        buffer.append(kind.rawValue)
    }

    private static func header(_ kind: MessageKind, _ index: UInt32, _ buffer: inout [UInt8]) {
        header(kind, payload: 4, &buffer)
        buffer.append(bigEndian: index)
    }

    private static func header(_ kind: MessageKind, _ block: BlockRequest, _ buffer: inout [UInt8]) {
        header(kind, payload: 12, &buffer)
        buffer.append(bigEndian: block.index)
        buffer.append(bigEndian: block.begin)
        buffer.append(bigEndian: block.length)
    }

    private static func header(
        _ kind: MessageKind, _ request: HashRequest, hashes: Int = 0, _ buffer: inout [UInt8]
    ) {
        header(kind, payload: HashRequest.frameLength - 1 + 32 * hashes, &buffer)
        buffer.append(contentsOf: request.piecesRoot.bytes)
        buffer.append(bigEndian: request.baseLayer)
        buffer.append(bigEndian: request.index)
        buffer.append(bigEndian: request.length)
        buffer.append(bigEndian: request.proofLayers)
    }
}

extension ExtendedMessage {
    /// See `Message.encode(into:ids:)`.
    @discardableResult
    public func encode(into buffer: inout [UInt8], ids: ExtensionIDs) -> Bool {
        let start = buffer.count
        guard let id = name.map({ ids[$0] }) ?? 0 else { return false }
        buffer.append(bigEndian: UInt32(0))
        buffer.append(MessageKind.extended.rawValue)
        buffer.append(id)
        switch self {
        case .handshake(let handshake): buffer.append(contentsOf: handshake.encoded())
        case .metadata(let message): message.encode(into: &buffer)
        case .peerExchange(let exchange): buffer.append(contentsOf: exchange.encoded())
        case .uploadOnly(let isUploadOnly): buffer.append(isUploadOnly ? 1 : 0)
        case .dontHave(let index), .lacks(let index): buffer.append(bigEndian: index)
        case .grant(let index): buffer.append(bigEndian: index ?? .max)
        case .grantOver: break
        case .claim(let index, let number):
            buffer.append(bigEndian: index)
            buffer.append(bigEndian: number)
        case .grants(let areGiven): buffer.append(areGiven ? 1 : 0)
        }
        let length = UInt32(truncatingIfNeeded: buffer.count - start - 4)
        for offset in 0..<4 { buffer[start + offset] = UInt8(truncatingIfNeeded: length >> UInt32(24 - 8 * offset)) }
        return true
    }

    /// Nil for the extension handshake, whose id is always 0.
    var name: ExtensionName? {
        switch self {
        case .handshake: nil
        case .metadata: .metadata
        case .peerExchange: .peerExchange
        case .uploadOnly: .uploadOnly
        case .dontHave: .dontHave
        case .grant, .grantOver, .grants: .grant
        case .claim: .claim
        case .lacks: .lacks
        }
    }
}
