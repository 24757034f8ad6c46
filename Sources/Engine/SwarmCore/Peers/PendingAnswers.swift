import PeerWire

/// A peer's pending requests for metadata (BEP 9) and hashes (BEP 52).
///
/// A response is built only after the previous one was sent, so a peer that requests much and reads slowly costs the
/// memory of one response. Requests beyond the limits are rejected, which takes few bytes.
public struct PendingAnswers: Sendable {
    public enum Ask: Sendable, Equatable {
        case metadata(piece: Int)
        indirect case hashes(HashRequest)

        /// Approximate maximum size of the response, in bytes.
        public var cost: Int {
            switch self {
            case .metadata: MetadataMessage.pieceLength + 64
            case .hashes(let request): 64 + 32 * min(request.hashCount, 1024)
            }
        }
    }

    /// Maximum number of pending requests. Other clients keep only a few outstanding.
    public static var most: Int { 64 }

    private var asks: [Ask] = []
    private var head = 0
    /// Bytes of responses that this peer may still get.
    private var left: Int
    private var refused = 0

    /// Requests beyond the limits after which the peer counts as hostile.
    public static var mostRefused: Int { 256 }

    /// Whether the peer keeps requesting beyond the limits. Rejects are cheap, but not free.
    public var isFlooded: Bool { refused > Self.mostRefused }

    /// - Parameter budget: bytes of responses over the whole connection.
    public init(budget: Int = .max) { left = budget }

    /// A budget of four times everything that can be requested.
    /// - Parameters:
    ///   - metadata: length of the info dictionary in bytes.
    ///   - pieces: number of pieces of the torrent.
    public static func budget(metadata: Int, pieces: Int) -> Int { 4 * (metadata + 64 * pieces) + (1 << 20) }

    public var count: Int { asks.count - head }
    public var isEmpty: Bool { head == asks.count }
    /// The next request to answer.
    public var first: Ask? { isEmpty ? nil : asks[head] }

    /// - Returns: false if a limit is reached: reject the request.
    public mutating func add(_ ask: Ask) -> Bool {
        guard count < Self.most, ask.cost <= left else {
            refused += 1
            return false
        }
        left -= ask.cost
        asks.append(ask)
        return true
    }

    public mutating func removeFirst() {
        guard !isEmpty else { return }
        head += 1
        if head == asks.count || head >= Self.most {
            asks.removeFirst(head)
            head = 0
        }
    }
}
