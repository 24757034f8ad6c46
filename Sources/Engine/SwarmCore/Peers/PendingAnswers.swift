import PeerWire

/// What a peer has asked for beside blocks, parts of the metadata (BEP 9) and hashes (BEP 52), and has not got yet.
///
/// An answer is made only when the one before it is on its way, so that a peer that asks a lot and reads slowly makes
/// nobody hold more than one for it. What it asks beyond the bounds is to be rejected, which costs few bytes.
public struct PendingAnswers: Sendable {
    public enum Ask: Sendable, Equatable {
        case metadata(piece: Int)
        indirect case hashes(HashRequest)

        /// Bytes of the answer at most, about.
        public var cost: Int {
            switch self {
            case .metadata: MetadataMessage.pieceLength + 64
            case .hashes(let request): 64 + 32 * min(request.hashCount, 1024)
            }
        }
    }

    /// Requests that wait at a time. Other clients have a handful on the way.
    public static var most: Int { 64 }

    private var asks: [Ask] = []
    private var head = 0
    /// Bytes of answers that this peer may still have.
    private var left: Int
    private var refused = 0

    /// Requests beyond the bounds after which a peer is taken for hostile.
    public static var mostRefused: Int { 256 }

    /// The peer goes on asking for what it cannot have. Refusals are cheap, but not free.
    public var isFlooded: Bool { refused > Self.mostRefused }

    /// - Parameter budget: bytes of answers in the whole time of the connection.
    public init(budget: Int = .max) { left = budget }

    /// Everything there is to be asked for, four times over.
    /// - Parameters:
    ///   - metadata: bytes of the info dictionary.
    ///   - pieces: pieces of the torrent.
    public static func budget(metadata: Int, pieces: Int) -> Int { 4 * (metadata + 64 * pieces) + (1 << 20) }

    public var count: Int { asks.count - head }
    public var isEmpty: Bool { head == asks.count }
    /// What is to be answered next.
    public var first: Ask? { isEmpty ? nil : asks[head] }

    /// - Returns: false when it is too much: reject the request.
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
