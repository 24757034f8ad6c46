import Crypto
import Text

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// The digests of a body, computed while it is read: MD5, which the store verifies, and SHA-256 for Signature V4
/// without TLS.
package struct S3Digest: Sendable {
    private var md5 = Insecure.MD5()
    private var sha256: SHA256?

    /// - Parameter signsBody: whether to compute `sha256`.
    package init(signsBody: Bool) { sha256 = signsBody ? SHA256() : nil }

    package mutating func update(_ bytes: UnsafeRawBufferPointer) {
        md5.update(bufferPointer: bytes)
        sha256?.update(bufferPointer: bytes)
    }

    package func finish() -> S3BodyDigests {
        S3BodyDigests(md5: Array(md5.finalize()), sha256: sha256.map { Hexadecimal.encode($0.finalize()) })
    }

    /// The entity tag of a multipart object: the MD5 of the parts' MD5s, and the number of parts.
    package static func entityTag(ofParts parts: [S3BodyDigests]) -> String {
        var all = Insecure.MD5()
        for part in parts { all.update(data: part.md5) }
        return "\(Hexadecimal.encode(all.finalize()))-\(parts.count)"
    }

    /// The same from the entity tags of parts; empty if one of them is not an MD5.
    package static func entityTag(of parts: [S3Part]) -> String {
        var all = Insecure.MD5()
        for part in parts {
            guard S3EntityTag.isMD5(part.entityTag) else { return "" }
            let digits = part.entityTag.utf8.map { $0 < 0x3a ? $0 - 0x30 : ($0 | 0x20) - 0x61 + 10 }
            all.update(data: stride(from: 0, to: 32, by: 2).map { digits[$0] << 4 | digits[$0 + 1] })
        }
        return "\(Hexadecimal.encode(all.finalize()))-\(parts.count)"
    }
}

/// The result of `S3Digest`.
package struct S3BodyDigests: Sendable, Hashable {
    /// 16 bytes.
    let md5: [UInt8]
    /// Lower-case hexadecimal; nil if it was not computed.
    package let sha256: String?

    /// Value of the `Content-MD5` header.
    package var contentMD5: String { Data(md5).base64EncodedString() }
    /// The entity tag of an object or part with these bytes.
    package var entityTag: String { Hexadecimal.encode(md5) }
}
