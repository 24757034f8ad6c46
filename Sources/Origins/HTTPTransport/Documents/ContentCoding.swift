/// Content codings (RFC 9110, section 8.4.1), for servers that encode a document although identity was requested.
///
/// A label counts only if the bytes agree: servers put `gzip` on stored files that they should not decode, and on files
/// that are not compressed.
package enum ContentCoding {
    /// Maximum number of nested codings to remove.
    private static let most = 2

    /// The codings of the `Content-Encoding` headers in the order in which they were applied, without `identity`.
    package static func list(_ headers: [String]) -> [String] {
        headers.flatMap { $0.split(separator: ",") }
            .map { String($0.filter { $0 != " " && $0 != "\t" }).lowercased() }
            .filter { !$0.isEmpty && $0 != "identity" }
    }

    /// - Parameter limit: maximum number of decoded bytes.
    /// - Returns: the decoded bytes. Bytes with an unknown coding, or with a label that does not match them, are
    ///   returned as they are.
    package static func decode(_ bytes: [UInt8], _ codings: [String], limit: Int) throws(Inflate.Failure) -> [UInt8] {
        var bytes = bytes
        for coding in codings.reversed().prefix(most) {
            switch coding {
            case "gzip", "x-gzip": bytes = try gzip(bytes, limit: limit)
            case "deflate": bytes = try deflate(bytes, limit: limit)
            default: return bytes
            }
        }
        return bytes
    }

    /// RFC 1952. The checksum is not verified: the reader of the document checks its contents.
    private static func gzip(_ bytes: [UInt8], limit: Int) throws(Inflate.Failure) -> [UInt8] {
        var rest = bytes[...]
        var output: [UInt8] = []
        // A gzip file may have several members.
        while let body = gzipBody(rest) {
            let (part, consumed) = try Inflate.inflate(body, limit: limit - output.count)
            output += part
            rest = body.dropFirst(consumed).dropFirst(8)
        }
        return rest.startIndex == bytes.startIndex ? bytes : output
    }

    /// The bytes after the header of a member; nil if there is no valid header.
    private static func gzipBody(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        guard bytes.count >= 10, bytes.starts(with: [0x1f, 0x8b, 8]) else { return nil }
        let flags = bytes[bytes.startIndex + 3]
        var rest = bytes.dropFirst(10)
        if flags & 4 != 0 {
            guard rest.count >= 2 else { return nil }
            let extra = Int(rest[rest.startIndex]) | Int(rest[rest.startIndex + 1]) << 8
            rest = rest.dropFirst(2 + extra)
        }
        for text in [8, 16] as [UInt8] where flags & text != 0 {
            guard let end = rest.firstIndex(of: 0) else { return nil }
            rest = rest[(end + 1)...]
        }
        return flags & 2 != 0 ? rest.dropFirst(2) : rest
    }

    /// RFC 1950, or raw DEFLATE, as some servers send it.
    private static func deflate(_ bytes: [UInt8], limit: Int) throws(Inflate.Failure) -> [UInt8] {
        if bytes.count >= 2, bytes[0] & 0x0f == 8, (Int(bytes[0]) << 8 | Int(bytes[1])) % 31 == 0 {
            return try Inflate.inflate(bytes[2...], limit: limit).output
        }
        do {
            return try Inflate.inflate(bytes[...], limit: limit).output
        } catch {
            if error == .tooLarge { throw error }
            return bytes
        }
    }
}
