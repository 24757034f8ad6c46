import Registry
import Text

/// The parsed path of a request under `/v2/`.
enum OCIPath: Equatable {
    /// `/v2/`: checks whether the server has this API.
    case version
    case catalog
    case blob(ContentName, BlobDigest)
    case uploads(ContentName)
    /// A content name and the id of an upload. The id is not checked here, but where the upload is looked up.
    case upload(ContentName, String)
    case manifest(ContentName, Reference.Version)
    case tags(ContentName)
    case referrers(ContentName, BlobDigest)

    /// Names can contain slashes, so the path is parsed from its end.
    /// - Parameters:
    ///   - path: as it was sent, percent-encoded, without the query.
    ///   - allowsCapitals: whether names may have capitals. The specification has none, and other programs cannot pull such
    ///     content.
    init(_ path: String, allowsCapitals: Bool = false) throws(OCIError) {
        var parts: [String] = []
        for part in path.split(separator: "/", omittingEmptySubsequences: false).dropFirst() {
            guard let text = PercentEncoding.decode(part), !text.utf8.contains(UInt8(ascii: "/")) else {
                throw Self.unknown
            }
            parts.append(text)
        }
        // A slash at the end is optional.
        if parts.last == "" { parts.removeLast() }
        guard parts.first == "v2" else { throw Self.unknown }
        parts.removeFirst()
        switch (parts.count, parts.last) {
        case (0, _): self = .version
        case (1, "_catalog"): self = .catalog
        default:
            self = try Self.inName(parts)
            if let name, name.hasCapitals, !allowsCapitals { throw Self.noName(name.text) }
        }
    }

    private static func inName(_ parts: [String]) throws(OCIError) -> OCIPath {
        let count = parts.count
        guard count >= 3 else { throw unknown }
        let (last, before) = (parts[count - 1], parts[count - 2])
        if before == "blobs", last == "uploads" { return .uploads(try name(parts, 2)) }
        if count >= 4, parts[count - 3] == "blobs", before == "uploads" { return .upload(try name(parts, 3), last) }
        switch before {
        case "blobs": return .blob(try name(parts, 2), try digest(last))
        case "referrers": return .referrers(try name(parts, 2), try digest(last))
        case "tags" where last == "list": return .tags(try name(parts, 2))
        case "manifests":
            let name = try name(parts, 2)
            if last.utf8.contains(UInt8(ascii: ":")) { return .manifest(name, .digest(try digest(last))) }
            guard let tag = Tag(last) else {
                throw OCIError(400, .manifestInvalid, "'\(DisplayName.escape(last))' is no tag and no digest")
            }
            return .manifest(name, .tag(tag))
        default: throw unknown
        }
    }

    /// The content name in the path.
    var name: ContentName? {
        switch self {
        case .version, .catalog: nil
        case .blob(let name, _), .uploads(let name), .upload(let name, _), .manifest(let name, _), .tags(let name),
            .referrers(let name, _):
            name
        }
    }

    private static func name(_ parts: [String], _ dropped: Int) throws(OCIError) -> ContentName {
        let text = parts.dropLast(dropped).joined(separator: "/")
        guard let name = ContentName(text) else { throw noName(text) }
        return name
    }

    private static func noName(_ text: String) -> OCIError {
        OCIError(400, .nameInvalid, "'\(DisplayName.escape(text))' is no name of content")
    }

    static func digest(_ text: String) throws(OCIError) -> BlobDigest {
        do {
            return try BlobDigest(parsing: text)
        } catch .algorithm(let algorithm) {
            throw OCIError(400, .unsupported, "digests by \(algorithm) are not supported, only sha256")
        } catch {
            throw OCIError(400, .digestInvalid, "'\(DisplayName.escape(text))' is no digest")
        }
    }

    private static let unknown = OCIError(404, .unsupported, "no such path")
}
