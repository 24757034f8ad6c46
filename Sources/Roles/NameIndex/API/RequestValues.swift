import HTTPServing
import Hummingbird
import Registry
import RegistryAccess
import Text

/// The parsed values in a request's path and query. Slashes of a NAME may be percent-encoded or not.
struct RequestValues {
    let request: Request
    let context: ServiceContext

    /// The entries of a page of a list: `usualLimit` without the parameter `limit`, and `mostLimit` at most.
    static let usualLimit = 1000
    static let mostLimit = 1000

    private func path(_ key: String) throws(IndexError) -> String {
        guard let text = context.parameters.get(key).flatMap({ PercentEncoding.decode($0) }) else {
            throw .malformed("the path has a broken escape", advice: "percent-encode UTF-8")
        }
        return text
    }

    func name(_ key: String = "name") throws(IndexError) -> ContentName {
        guard let name = ContentName(try path(key)) else {
            throw .malformed(
                "the path has no name where one should be",
                advice: "a name is 1 to 16 components of letters, digits, '.', '_' and '-', joined by '/'")
        }
        return try seen(name)
    }

    private func seen(_ name: ContentName) throws(IndexError) -> ContentName {
        guard context.sees(name) else { throw .unseen(name) }
        return name
    }

    /// Whether the caller may see every NAME.
    var seesAll: Bool { context.caller.map { $0.scope == nil } ?? false }

    func tag() throws(IndexError) -> Tag {
        guard let tag = Tag(try path("tag")) else {
            throw .malformed(
                "the path has no tag where one should be",
                advice: "a tag is up to 128 letters, digits, '.', '_' and '-', and begins with none of the last two")
        }
        return tag
    }

    /// Parses `NAME`, `NAME:TAG` or `NAME@DIGEST`.
    func reference(_ key: String) throws(IndexError) -> Reference {
        guard let reference = Reference(try path(key)) else {
            throw .malformed("the path has no NAME:TAG", advice: "write NAME:TAG or NAME@sha256:…")
        }
        _ = try seen(reference.name)
        return reference
    }

    /// Parses `NAME:TAG`, or `NAME` for its tag `latest`.
    func tagged(_ key: String) throws(IndexError) -> (name: ContentName, tag: Tag) {
        let reference = try reference(key)
        guard case .tag(let tag) = reference.version else {
            throw .malformed("a digest is no tag", advice: "write NAME:TAG")
        }
        return (reference.name, tag)
    }

    func digest() throws(IndexError) -> BlobDigest {
        guard let digest = BlobDigest(try path("digest")) else { throw Self.noDigest }
        return digest
    }

    static let noDigest = IndexError.malformed(
        "that is no digest", advice: "a digest is sha256: and 64 hexadecimal digits in lower case")

    /// Parses the path at or below which a list is wanted.
    func prefix(_ key: String) throws(IndexError) -> String {
        var text = try path(key)
        while text.hasSuffix("/") { text.removeLast() }
        guard ContentName(text) != nil else {
            throw .malformed(
                "the path has no name where one should be", advice: "write a name, or the first part of one")
        }
        return text
    }

    func query(_ key: String) -> String? {
        request.uri.queryParameters[Substring(key)].map(String.init)
    }

    func limit() throws(IndexError) -> Int {
        guard let text = query("limit") else { return Self.usualLimit }
        guard let limit = Int(text), limit > 0 else {
            throw .malformed("limit is no number", advice: "limit is 1 to \(Self.mostLimit)")
        }
        return min(limit, Self.mostLimit)
    }

    /// The parameter `after`, parsed as an entry of the list; nil if it is missing.
    func after<V>(_ key: String = "after", _ parse: (String) -> V?) throws(IndexError) -> V? {
        guard let text = query(key), !text.isEmpty else { return nil }
        guard let value = parse(text) else {
            throw .malformed("\(key) is no entry of this list", advice: "use what the reply before has as its next")
        }
        return value
    }
}

extension RequestValues {
    /// The first `limit` entries of a list that the caller may see.
    /// - Parameter page: reads up to `limit` entries of all, in order, after a given one.
    func seen<Entry>(
        _ limit: Int, after: Entry?, name: (Entry) -> ContentName,
        of page: (_ after: Entry?, _ limit: Int) async throws(IndexError) -> [Entry]
    ) async throws(IndexError) -> [Entry] {
        if seesAll { return try await page(after, limit) }
        var found: [Entry] = []
        var after = after
        while found.count < limit {
            let entries = try await page(after, Self.mostLimit)
            found += entries.filter { context.sees(name($0)) }
            guard entries.count == Self.mostLimit else { break }
            after = entries.last
        }
        return Array(found.prefix(limit))
    }
}
