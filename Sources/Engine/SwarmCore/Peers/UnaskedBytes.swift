import PeerWire

/// Limits the bytes a peer may send without being asked. Requested blocks do not count; all other bytes do:
/// announcements, requests, messages of unknown kinds. A peer that sends far more than any honest peer is disconnected,
/// because no download limit applies to these bytes.
///
/// A token bucket in bytes that begins full. Received bytes are removed. Tokens are added slowly, and for each request
/// that we send and each block that we upload.
public struct UnaskedBytes: Sendable {
    private enum Constant {
        /// Capacity in bytes, plus bytes for each piece: a peer announces each piece, and may suggest and claim it.
        static let least = 256 << 10
        static let perPiece = 64
        /// Bytes per second, for keep-alives, peer exchange and interest.
        static let rate = 4096.0
        /// Bytes of messages allowed for each request that we send or block that we upload.
        static let perBlock = 64
    }

    private let capacity: Double
    private var tokens: Double
    private var filledAt: Double

    /// - Parameter pieces: number of pieces of the torrent, if known.
    public init(pieces: Int = 0, now: Double) {
        capacity = Double(Constant.least + Constant.perPiece * pieces)
        tokens = capacity
        filledAt = now
    }

    /// - Parameter now: seconds.
    /// - Returns: false if the peer sent too much.
    public mutating func received(_ bytes: Int, now: Double) -> Bool {
        if tokens < capacity, now > filledAt {
            tokens = min(capacity, tokens + (now - filledAt) * Constant.rate)
        }
        filledAt = max(filledAt, now)
        tokens -= Double(bytes)
        return tokens >= 0
    }

    /// Adds tokens for a message to the peer that it may answer.
    public mutating func sent(_ message: Message) {
        switch message {
        case .request, .cancel: tokens += Double(Constant.perBlock)
        case .extended(.metadata(.request(let piece))): tokens += Double(PendingAnswers.Ask.metadata(piece: piece).cost)
        case .hashRequest(let request): tokens += Double(PendingAnswers.Ask.hashes(request).cost)
        default: break
        }
    }

    /// Adds tokens for a block sent to the peer, which requested it.
    public mutating func sentBlock() { tokens += Double(Constant.perBlock) }
}
