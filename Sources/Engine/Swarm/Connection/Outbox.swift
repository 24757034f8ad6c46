import PeerWire

/// Control messages that wait to be sent, in order. Pure.
struct Outbox {
    /// Number of sent bytes that may remain at the head.
    private static let longestSentHead = 32 << 10

    private var bytes: [UInt8]
    /// Number of bytes at the head that have been sent.
    private var head = 0
    /// Bytes of messages that answer the peer's messages.
    private(set) var replies = 0

    init(_ bytes: [UInt8] = []) { self.bytes = bytes }

    var waiting: Int { bytes.count - head }
    var isEmpty: Bool { head == bytes.count }

    /// - Returns: false if the peer does not support the message: nothing was added.
    mutating func add(_ message: Message, ids: ExtensionIDs) -> Bool {
        let before = bytes.count
        guard message.encode(into: &bytes, ids: ids) else { return false }
        if message.isReply { replies += bytes.count - before }
        return true
    }

    func withWaiting<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        bytes.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[head...])) }
    }

    /// Call when this many bytes have been sent.
    mutating func sent(_ count: Int) {
        head += count
        if head == bytes.count {
            bytes.removeAll(keepingCapacity: bytes.capacity <= 4096)
            head = 0
            replies = 0
        } else if head >= Self.longestSentHead, 2 * head >= bytes.count {
            // Removes sent bytes. Each byte is moved at most once for each sent byte.
            bytes.removeFirst(head)
            head = 0
        }
    }
}

extension Message {
    /// Whether the message is an answer. A peer that does not read answers is not read. Messages that a host sends on
    /// its own do not count, because two hosts that announce many pieces would wait for each other.
    fileprivate var isReply: Bool {
        switch self {
        case .reject, .hashReject, .interested, .notInterested, .extended(.metadata(.reject)), .extended(.grantOver),
            .extended(.grants):
            true
        default: false
        }
    }
}
