import Hashing

/// The state machine of one connection's handshake: which torrent it names, and when it is complete. Pure: the caller
/// reads the socket, looks up torrents and sends our own handshake.
///
/// Invariant: ``Step/complete(_:)`` is the only successful end, and it comes only for a torrent that both sides named.
public struct HandshakeExchange: Sendable {
    public enum Step: Sendable, Equatable {
        /// Valid so far; more bytes are needed.
        case needMore
        /// The peer names this torrent. Look it up, then call ``found(_:second:)``. Do not read more bytes before that.
        case lookUp(SHA1Digest)
        case complete(Handshake)
        /// The peer's info hash is not the one that was asked for.
        case wrongTorrent
    }

    private enum Torrent: Sendable {
        case unknown
        case sought(SHA1Digest, ReservedBits)
        /// `accepted`: the info hashes that the peer may send; a hybrid torrent has two.
        case known(own: SHA1Digest, accepted: [SHA1Digest])
    }

    private var torrent: Torrent
    private var bytes: [UInt8] = []

    /// For an incoming connection: the peer names the torrent.
    public init() { torrent = .unknown }

    /// For an outgoing connection.
    /// - Parameters:
    ///   - infoHash: the info hash in our handshake.
    ///   - accepted: the info hashes that the peer may send. A peer of a hybrid torrent may switch to v2 by answering
    ///     with the v2 hash (BEP 52).
    public init(infoHash: SHA1Digest, accepted: [SHA1Digest]) { torrent = .known(own: infoHash, accepted: accepted) }

    /// Bytes of the peer's handshake that have not arrived yet. Reading no more than these leaves the messages after
    /// them in the socket.
    public var missing: Int { Handshake.byteCount - bytes.count }

    /// The info hash of our own handshake; nil until it is known.
    public var infoHash: SHA1Digest? { if case .known(let own, _) = torrent { own } else { nil } }

    /// - Parameter more: at most ``missing`` bytes.
    /// - Throws: `ProtocolViolation.notBitTorrent` at the first wrong byte.
    public mutating func received(_ more: UnsafeRawBufferPointer) throws(ProtocolViolation) -> Step {
        bytes.append(contentsOf: more.prefix(missing))
        return try next()
    }

    /// Call when the torrent that the peer named was found.
    /// - Parameters:
    ///   - accepted: its info hashes, as used in handshakes.
    ///   - second: the v2 hash of a hybrid torrent. The connection switches to it if the peer supports v2.
    /// - Returns: the next step, based on the bytes that have arrived already.
    public mutating func found(_ accepted: [SHA1Digest], second: SHA1Digest?) throws(ProtocolViolation) -> Step {
        guard case .sought(let wanted, let reserved) = torrent else { return .needMore }
        torrent = .known(own: reserved.contains(.v2) ? second ?? wanted : wanted, accepted: accepted)
        return try next()
    }

    private mutating func next() throws(ProtocolViolation) -> Step {
        let progress = bytes.withUnsafeBytes { bytes in
            Result { () throws(ProtocolViolation) in try HandshakeDecoder.judge(bytes) }
        }
        switch try progress.get() {
        case .needMore: return .needMore
        case .torrent(let reserved, let wanted): return judge(wanted, reserved) ?? .needMore
        case .complete(let handshake):
            return judge(handshake.infoHash, handshake.reserved) ?? .complete(handshake)
        }
    }

    /// - Returns: nil if the handshake may continue.
    private mutating func judge(_ wanted: SHA1Digest, _ reserved: ReservedBits) -> Step? {
        switch torrent {
        case .unknown:
            torrent = .sought(wanted, reserved)
            return .lookUp(wanted)
        case .sought(let wanted, _): return .lookUp(wanted)
        case .known(_, let accepted): return accepted.contains(wanted) ? nil : .wrongTorrent
        }
    }
}
