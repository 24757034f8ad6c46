import Hashing

/// What is known about an info dictionary before it arrives from somebody who is not trusted.
///
/// The SHA-1 of an info dictionary (its v1 info hash) names a swarm and proves nothing: collisions of SHA-1 can be
/// made. Its SHA-256, from an index or an owner of the blob, does.
public struct InfoExpectation: Sendable, Hashable {
    /// The SHA-256 of the info dictionary. With it, single pieces can be used before all of them are there.
    public var infoDigest: SHA256Digest?
    /// The digest of the blob.
    public var blob: SHA256Digest?
    /// The length of the blob, in bytes.
    public var length: Int64?

    public init(infoDigest: SHA256Digest? = nil, blob: SHA256Digest? = nil, length: Int64? = nil) {
        self.infoDigest = infoDigest
        self.blob = blob
        self.length = length
    }

    /// Nothing is known.
    public static let nothing = InfoExpectation()

    /// Whether an info dictionary of these bytes has the expected SHA-256. True if none is known.
    public func allows(_ bytes: [UInt8]) -> Bool { infoDigest.map { SHA256.digest(bytes) == $0 } ?? true }

    /// - Throws: `MetainfoError.unexpected` if `info` is something else.
    public func check(_ info: Info) throws(MetainfoError) {
        if let infoDigest, !allows(info.bytes) {
            throw .unexpected("the SHA-256 of the info dictionary is not \(infoDigest)")
        }
        if let blob, info.chain?.digest != blob { throw .unexpected("it does not describe the blob sha256:\(blob)") }
        if let length, info.layout.totalLength != length {
            throw .unexpected("its content has \(info.layout.totalLength) bytes, not \(length)")
        }
    }
}
