import Hashing

/// The identity of a torrent: the SHA-1 (v1) and/or SHA-256 (v2) of its info dictionary as received. Has at least one.
public struct InfoHashes: Hashable, Sendable {
    public let v1: SHA1Digest?
    public let v2: SHA256Digest?

    /// Nil if both are missing.
    public init?(v1: SHA1Digest?, v2: SHA256Digest?) {
        guard v1 != nil || v2 != nil else { return nil }
        self.v1 = v1
        self.v2 = v2
    }

    public init(v1: SHA1Digest) {
        self.v1 = v1
        v2 = nil
    }

    public init(v2: SHA256Digest) {
        v1 = nil
        self.v2 = v2
    }

    /// The info hashes of the torrent's swarms as 20 bytes, for handshakes and announces: v1, then v2 truncated (BEP
    /// 52).
    public var wire: [SHA1Digest] { [v1, v2?.truncated].compactMap { $0 } }

    /// The 20-byte hash that identifies the torrent in records and logs: v1 if there is one, else v2 truncated.
    public var primary: SHA1Digest { v1 ?? v2?.truncated ?? .zero }

    /// Whether `info` has these hashes: each known hash must match.
    public func match(_ info: [UInt8]) -> Bool {
        if let v1, SHA1.digest(info) != v1 { return false }
        if let v2, SHA256.digest(info) != v2 { return false }
        return true
    }
}
