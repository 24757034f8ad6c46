import Hashing

/// What the hosts of a swarm know and others do not. Their swarm goes by a hash made with it, in place of the info hash: whoever
/// has the torrent and not the secret names a torrent that no tracker and no peer knows.
///
/// It is no encryption: somebody who reads the bytes between peers reads the hash too.
public struct SwarmSecret: Sendable {
    private let code: HMACSHA256
    /// Tells secrets from each other, and says nothing of them.
    private let mark: SHA256Digest

    /// - Parameter bytes: the key of the HMAC; as secret as 16 random bytes at least.
    public init(bytes: [UInt8]) {
        code = HMACSHA256(key: bytes)
        mark = code.code(of: [])
    }

    /// The key is the text's UTF-8.
    public init(text: String) { self.init(bytes: Array(text.utf8)) }

    /// One that nobody else knows.
    public static func random() -> SwarmSecret {
        var generator = SystemRandomNumberGenerator()
        return SwarmSecret(bytes: (0..<32).map { _ in UInt8.random(in: 0 ... .max, using: &generator) })
    }

    /// The hash by which a swarm goes among those who know the secret: the first 20 bytes of HMAC-SHA-256 of the 20 bytes that
    /// handshakes name elsewhere.
    public func wireHash(of hash: SHA1Digest) -> SHA1Digest { code.code(of: hash.bytes).truncated }

    /// The same of a torrent: of its v1 hash if it has one, else of its truncated v2 hash. A hybrid torrent has one swarm, so a
    /// magnet link to it has to say the v1 hash.
    public func wireHash(of hashes: InfoHashes) -> SHA1Digest { wireHash(of: hashes.primary) }

    /// Shows a tracker that knows the secret too that this host may hear who has a blob: HMAC-SHA-256 of `swoop proof `, the hash by
    /// which the swarm goes, and the blob's digest.
    public func proof(swarm: SHA1Digest, blob: SHA256Digest) -> SHA256Digest {
        code.code(of: Array("swoop proof ".utf8) + swarm.bytes + blob.bytes)
    }
}

extension SwarmSecret: Hashable {
    public static func == (left: Self, right: Self) -> Bool { left.mark == right.mark }
    public func hash(into hasher: inout Hasher) { hasher.combine(mark) }
}

extension SwarmSecret: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String { "<secret>" }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: []) }
}

/// The 20-byte hashes under which a torrent is announced and named in handshakes.
public struct WireHashes: Hashable, Sendable {
    /// One at least. The first is named to a peer of which nothing else is known.
    public let all: [SHA1Digest]
    /// The v2 hash of a hybrid torrent, to which a connection moves when both sides can (BEP 52).
    public let second: SHA1Digest?

    /// - Parameter secret: that of the torrent's swarm; nil where any client may take part.
    public init(_ hashes: InfoHashes, secret: SwarmSecret?) {
        if let secret {
            (all, second) = ([secret.wireHash(of: hashes)], nil)
        } else {
            (all, second) = (hashes.wire, hashes.v2?.truncated)
        }
    }

    public var primary: SHA1Digest { all.first ?? .zero }
}
