import Hashing

/// The handshake of one connection, as far as what the peer sends decides about it: which torrent it is about, and when it
/// is done. Pure; whoever reads the socket gives it bytes, looks torrents up and sends our own handshake.
///
/// Invariant: no step but ``Step/complete(_:)`` ends it well, and that comes only for a torrent that both sides named.
public struct HandshakeExchange: Sendable {
    public enum Step: Sendable, Equatable {
        /// Right so far; more bytes have to come.
        case needMore
        /// The peer names a torrent: look it up, then call ``found(_:second:)``. Until then nothing is to be read.
        case lookUp(SHA1Digest)
        case complete(Handshake)
        /// It answers for a torrent that was not asked for.
        case wrongTorrent
    }

    private enum Torrent: Sendable {
        case unknown
        case sought(SHA1Digest, ReservedBits)
        /// `accepted`: the hashes by which the peer may name it; a hybrid has two.
        case known(own: SHA1Digest, accepted: [SHA1Digest])
    }

    private var torrent: Torrent
    private var bytes: [UInt8] = []

    /// Of a connection that came in: the peer names the torrent.
    public init() { torrent = .unknown }

    /// Of a connection that this host makes.
    /// - Parameters:
    ///   - infoHash: what our handshake says.
    ///   - accepted: what the peer's may say. The other side of a hybrid may move to the second version by answering with
    ///     that hash (BEP 52).
    public init(infoHash: SHA1Digest, accepted: [SHA1Digest]) { torrent = .known(own: infoHash, accepted: accepted) }

    /// Bytes of the peer's handshake that have not come. Reading no more than these leaves its messages for whoever decodes
    /// them.
    public var missing: Int { Handshake.byteCount - bytes.count }

    /// What our own handshake says, once that is known.
    public var infoHash: SHA1Digest? { if case .known(let own, _) = torrent { own } else { nil } }

    /// - Parameter more: at most ``missing`` bytes.
    /// - Throws: `ProtocolViolation.notBitTorrent` at the first wrong byte.
    public mutating func received(_ more: UnsafeRawBufferPointer) throws(ProtocolViolation) -> Step {
        bytes.append(contentsOf: more.prefix(missing))
        return try next()
    }

    /// The torrent that the peer named is here.
    /// - Parameters:
    ///   - accepted: its hashes, as handshakes have them.
    ///   - second: that of its second version, where it has one beside the first: it is taken if the peer can.
    /// - Returns: what follows from the bytes that have come already.
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

    /// - Returns: nil when the handshake may go on.
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
