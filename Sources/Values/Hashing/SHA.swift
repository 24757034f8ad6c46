/// SHA-1 (FIPS 180-4), the piece hash of BEP 3.
public enum SHA1 {
    public static func digest(_ bytes: UnsafeRawBufferPointer) -> SHA1Digest {
        digests([bytes]).first ?? .zero
    }

    public static func digest(_ bytes: [UInt8]) -> SHA1Digest {
        bytes.withUnsafeBytes { digest($0) }
    }

    /// The digest of each of `messages`, in the same order. The messages are independent, so this thread hashes several
    /// at the same time: two to three times as fast as one after the other.
    public static func digests(_ messages: [UnsafeRawBufferPointer]) -> [SHA1Digest] {
        var digests = [SHA1Digest](repeating: .zero, count: messages.count)
        LaneBatch<SHA1Blocks>.run(
            count: messages.count, message: { messages[$0] }, store: { digests[$0] = $1 })
        return digests
    }

    /// The same by one of the ways to hash, with at most so many messages at the same time.
    /// - Parameter store: called once for each message, in no particular order.
    package static func digests(
        count: Int, by implementation: Implementation, lanes: Int, of message: (Int) -> UnsafeRawBufferPointer,
        store: (Int, SHA1Digest) -> Void
    ) {
        LaneBatch<SHA1Blocks>.run(count: count, by: implementation, mostLanes: lanes, message: message, store: store)
    }
}

/// SHA-256 (FIPS 180-4), the hash of blocks, files and torrents in BEP 52.
public enum SHA256 {
    public static func digest(_ bytes: UnsafeRawBufferPointer) -> SHA256Digest {
        digests([bytes]).first ?? .zero
    }

    public static func digest(_ bytes: [UInt8]) -> SHA256Digest {
        bytes.withUnsafeBytes { digest($0) }
    }

    /// The digest of each of `messages`, in the same order. The messages are independent, so this thread hashes several
    /// at the same time: nearly twice as fast as one after the other.
    public static func digests(_ messages: [UnsafeRawBufferPointer]) -> [SHA256Digest] {
        digests(count: messages.count) { messages[$0] }
    }

    /// As above, for messages that are not in an array.
    static func digests(count: Int, of message: (Int) -> UnsafeRawBufferPointer) -> [SHA256Digest] {
        var digests = [SHA256Digest](repeating: .zero, count: count)
        LaneBatch<SHA256Blocks>.run(count: count, message: message, store: { digests[$0] = $1 })
        return digests
    }

    /// The same by one of the ways to hash, with at most so many messages at the same time.
    /// - Parameter store: called once for each message, in no particular order.
    package static func digests(
        count: Int, by implementation: Implementation, lanes: Int, of message: (Int) -> UnsafeRawBufferPointer,
        store: (Int, SHA256Digest) -> Void
    ) {
        LaneBatch<SHA256Blocks>.run(count: count, by: implementation, mostLanes: lanes, message: message, store: store)
    }
}
