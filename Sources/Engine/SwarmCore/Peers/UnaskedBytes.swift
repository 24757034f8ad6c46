import PeerWire

/// Whether a peer still keeps to what peers have to say. Blocks that were asked for do not count; all other bytes do:
/// announcements, requests, messages of unknown kinds. A peer that sends far more of them than any honest one would is to
/// be closed, since no limit on the download holds its bytes back.
///
/// A bucket: it begins full, what comes is taken out, and it fills slowly, and by what we ask or give.
public struct UnaskedBytes: Sendable {
    private enum Constant {
        /// Bytes, and more for each piece: a peer announces each, and may suggest and claim it.
        static let least = 256 << 10
        static let perPiece = 64
        /// Bytes per second: keep-alives, peer exchange, interest.
        static let rate = 4096.0
        /// Bytes that a request of ours, or a block that it gets of us, may be worth in messages.
        static let perBlock = 64
    }

    private let capacity: Double
    private var tokens: Double
    private var filledAt: Double

    /// - Parameter pieces: of the torrent, as far as that is known.
    public init(pieces: Int = 0, now: Double) {
        capacity = Double(Constant.least + Constant.perPiece * pieces)
        tokens = capacity
        filledAt = now
    }

    /// - Parameter now: seconds.
    /// - Returns: false when it is too much.
    public mutating func received(_ bytes: Int, now: Double) -> Bool {
        if tokens < capacity, now > filledAt {
            tokens = min(capacity, tokens + (now - filledAt) * Constant.rate)
        }
        filledAt = max(filledAt, now)
        tokens -= Double(bytes)
        return tokens >= 0
    }

    /// This goes to the peer, which may answer it.
    public mutating func sent(_ message: Message) {
        switch message {
        case .request, .cancel: tokens += Double(Constant.perBlock)
        case .extended(.metadata(.request(let piece))): tokens += Double(PendingAnswers.Ask.metadata(piece: piece).cost)
        case .hashRequest(let request): tokens += Double(PendingAnswers.Ask.hashes(request).cost)
        default: break
        }
    }

    /// A block went to the peer, which had asked for it.
    public mutating func sentBlock() { tokens += Double(Constant.perBlock) }
}
