/// HMAC (RFC 2104) with SHA-256 under one key. The key's two blocks are hashed once, so that each further code of a short
/// message costs two blocks.
public struct HMACSHA256: Sendable {
    /// The states after the key's inner and outer block.
    private let inner: SHA256State
    private let outer: SHA256State

    public init(key: [UInt8]) {
        var block = key.count > Lanes.blockSize ? SHA256.digest(key).bytes : key
        block += [UInt8](repeating: 0, count: Lanes.blockSize - block.count)
        inner = Self.state(after: block.map { $0 ^ 0x36 })
        outer = Self.state(after: block.map { $0 ^ 0x5c })
    }

    /// - Parameter block: 64 bytes.
    private static func state(after block: [UInt8]) -> SHA256State {
        var stream = SHA256Stream()
        stream.update(block)
        return stream.lastState.state
    }

    private static func digest(after state: SHA256State, _ message: [UInt8]) -> SHA256Digest {
        guard var stream = SHA256Stream(from: state, at: Int64(Lanes.blockSize)) else { return .zero }
        stream.update(message)
        return stream.digest
    }

    /// The code of `message`, 32 bytes.
    public func code(of message: [UInt8]) -> SHA256Digest {
        Self.digest(after: outer, Self.digest(after: inner, message).bytes)
    }
}
