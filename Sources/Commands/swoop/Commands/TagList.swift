import JSON
import Registry
import RegistryClient

/// Lists the tags of a name: by the API of a Swoop index if the registry has it, else by the OCI distribution API.
enum TagList {
    /// A tag, or a line of its history.
    struct Entry: Sendable, Hashable {
        var tag: String
        var digest: String?
        /// Time of the change, as the index writes it.
        var time: String?
        var who: String?
        var address: String?
        /// The change, in a history: put, moved or deleted.
        var action: String?

        /// - Parameter tag: the tag whose list has this value; used if the value does not name its tag.
        init?(_ value: JSON.JSONValue, tag: String? = nil) {
            if let text = value.stringValue {
                self.init(tag: text)
                return
            }
            guard let name = value["tag"]?.stringValue ?? value["name"]?.stringValue ?? tag else { return nil }
            self.init(tag: name)
            digest = value["digest"]?.stringValue
            time = (value["time"] ?? value["when"] ?? value["updated"])?.lenientText
            who = (value["who"] ?? value["by"])?.stringValue
            address = value["address"]?.stringValue
            action = value["action"]?.stringValue
        }

        init(tag: String) { self.tag = tag }
    }

    private static let mostBytes = 16 << 20
    private static let mostListed = 1_000_000
    /// Most tags whose digests are requested, one request for each.
    private static let mostAsked = 100

    static func tags(of name: ContentName, from client: RegistryClient) async throws(RegistryError) -> [Entry] {
        if let values = try await all("/v1/names/\(name)/tags", "tags", from: client) {
            return values.compactMap { Entry($0) }
        }
        // Some registries do not sort tags as the specification demands.
        var entries = try await client.tags(of: name).sorted().map { Entry(tag: $0.text) }
        for index in entries.indices.prefix(mostAsked) {
            guard let tag = Tag(entries[index].tag) else { continue }
            entries[index].digest = try await client.digest(of: Reference(name: name, version: .tag(tag)))?.description
        }
        return entries
    }

    /// Nil if the registry keeps no history.
    static func history(of name: ContentName, from client: RegistryClient) async throws(RegistryError) -> [Entry]? {
        if let values = try await all("/v1/names/\(name)/history", "history", from: client) {
            return values.compactMap { Entry($0) }
        }
        guard let tags = try await all("/v1/names/\(name)/tags", "tags", from: client) else { return nil }
        var found: [Entry] = []
        for tag in tags.compactMap({ Entry($0) }) where Tag(tag.tag) != nil {
            let path = "/v1/names/\(name)/tags/\(tag.tag)/history"
            found += (try await all(path, "history", from: client) ?? []).compactMap { Entry($0, tag: tag.tag) }
        }
        return found
    }

    /// Deletes a tag, but no other tag of the same manifest.
    static func delete(
        _ reference: Reference, _ digest: BlobDigest, from client: RegistryClient
    ) async throws(RegistryError) {
        if try await client.deleteDocument("/v1/names/\(reference.name)/tags/\(reference.version)") { return }
        do throws(RegistryError) {
            try await client.delete(reference)
        } catch {
            // Old registries can only delete a manifest by its digest, which deletes all of its tags. So check first
            // that no other tag has this digest.
            guard case .refused(_, let status, _, _) = error, [400, 405].contains(status) else { throw error }
            for tag in try await client.tags(of: reference.name) where .tag(tag) != reference.version {
                let other = Reference(name: reference.name, version: .tag(tag))
                guard try await client.digest(of: other) != digest else {
                    throw .denied("\(client.name) deletes no tags, only manifests, and \(other) is the same manifest")
                }
            }
            try await client.delete(Reference(name: reference.name, version: .digest(digest)))
        }
    }

    static func names(from client: RegistryClient) async throws(RegistryError) -> [String] {
        if let values = try await all("/v1/names", "names", from: client) {
            return values.compactMap { $0.stringValue ?? $0["name"]?.stringValue }
        }
        return try await client.names().map(\.text)
    }

    /// The newest tags, newest first; empty if the registry does not list them.
    static func newest(of name: ContentName, from client: RegistryClient, count: Int) async -> [String] {
        let values = try? await all("/v1/names/\(name)/tags", "tags", from: client)
        if var entries = values?.compactMap({ Entry($0) }), entries.contains(where: { $0.time != nil }) {
            entries.sort { ($0.time ?? "") > ($1.time ?? "") }
            return entries.prefix(count).map(\.tag.shown)
        }
        let tags = ((try? await client.tags(of: name)) ?? []).sorted()
        return tags.suffix(count).reversed().map(\.text)
    }

    /// All entries of a list of the index, read page by page; nil if the registry has no such list.
    private static func all(
        _ path: String, _ member: String, from client: RegistryClient
    ) async throws(RegistryError) -> [JSON.JSONValue]? {
        var found: [JSON.JSONValue] = []
        var after = ""
        while found.count < mostListed {
            guard let page = try await client.document(path + after, limit: mostBytes),
                let values = page.arrayValue ?? page[member]?.arrayValue
            else { return found.isEmpty ? nil : found }
            found += values
            // An empty page with a next one could go on forever.
            guard !values.isEmpty, let next = page["next"]?.stringValue else { break }
            after = "?after=\(next)"
        }
        return found
    }
}
