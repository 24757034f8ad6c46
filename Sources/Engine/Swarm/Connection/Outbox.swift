import PeerWire

/// Control messages that wait for a peer to read them, in order. Pure.
struct Outbox {
    /// Bytes at the head that are sent and may stay there.
    private static let longestSentHead = 32 << 10

    private var bytes: [UInt8]
    /// Bytes at the head that are sent.
    private var head = 0
    /// Bytes of messages that answer what the peer sent.
    private(set) var replies = 0

    init(_ bytes: [UInt8] = []) { self.bytes = bytes }

    var waiting: Int { bytes.count - head }
    var isEmpty: Bool { head == bytes.count }

    /// - Returns: false when the peer does not know such messages: then nothing was added.
    mutating func add(_ message: Message, ids: ExtensionIDs) -> Bool {
        let before = bytes.count
        guard message.encode(into: &bytes, ids: ids) else { return false }
        if message.isReply { replies += bytes.count - before }
        return true
    }

    func withWaiting<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        bytes.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[head...])) }
    }

    /// So many bytes were sent.
    mutating func sent(_ count: Int) {
        head += count
        if head == bytes.count {
            bytes.removeAll(keepingCapacity: bytes.capacity <= 4096)
            head = 0
            replies = 0
        } else if head >= Self.longestSentHead, 2 * head >= bytes.count {
            // What is sent is let go of: each byte is moved once at most for one that was sent.
            bytes.removeFirst(head)
            head = 0
        }
    }
}

extension Message {
    /// Whether it is sent because of what the peer sent: a peer that does not take such messages is not read. Those that
    /// a host sends of itself do not count, or two hosts that have much to announce could wait for each other.
    fileprivate var isReply: Bool {
        switch self {
        case .reject, .hashReject, .interested, .notInterested, .extended(.metadata(.reject)), .extended(.grantOver),
            .extended(.grants):
            true
        default: false
        }
    }
}
