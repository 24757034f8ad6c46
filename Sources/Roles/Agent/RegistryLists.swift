import JSON
import Registry
import RegistryAccess
import RegistryClient
import RegistryWatch
import Text

/// Requests to a registry that are not about content: lists, readiness, and watching.
extension RegistryView {
    private static let listLimit = 8 << 20

    /// The tags of a name in their order, after a given one.
    /// - Parameter limit: most tags.
    /// - Returns: nil for an unknown name.
    package func tags(
        of name: ContentName, after: String?, limit: Int, now: Double
    ) async throws(RegistryError) -> [Tag]? {
        try await eachIndex(now: now) { client throws(RegistryError) in
            var (found, last): ([Tag], String?) = ([], after)
            while found.count < limit {
                let more = last.map { "&after=\(PercentEncoding.encode($0.utf8))" } ?? ""
                let path = "/v1/names/\(name)/tags?limit=\(min(1_000, limit - found.count))\(more)"
                guard let page = try await client.document(path, limit: Self.listLimit) else { return nil }
                let tags = (page["tags"]?.arrayValue ?? []).compactMap { $0["tag"]?.stringValue.flatMap { Tag($0) } }
                found += tags
                guard let next = page["next"]?.stringValue, !tags.isEmpty else { break }
                last = next
            }
            return Array(found.prefix(limit))
        }
    }

    /// The referrers of a manifest (OCI distribution specification 1.1), as an origin lists them.
    package func referrers(
        to digest: BlobDigest, in name: ContentName, now: Double
    ) async throws(RegistryError) -> [Descriptor] {
        let origins = try await parts(now: now).origins.map(\.url)
        guard !origins.isEmpty else { throw .malformed("no origin in the list of its parts") }
        return try await ask(origins, now: now) { client throws(RegistryError) in
            let list = try await client.document("/v2/\(name)/referrers/\(digest)", limit: Self.listLimit)
            do {
                return try (list?["manifests"]?.arrayValue ?? []).map { try Descriptor($0, in: "a referrer") }
            } catch {
                throw .malformed("\(error)")
            }
        }
    }

    /// Returns if some index is ready now and knows this host's token, and some origin answers; throws if not.
    func probe(within seconds: Double, now: Double) async throws(RegistryError) {
        let parts = try await parts(now: now)
        try await ask(parts.indexes, rounds: 1, now: now) { client throws(RegistryError) in
            try await client.probe("/readyz", within: seconds)
            // What is open to all says nothing of the token.
            try await client.probe("/v1/cluster", within: seconds)
        }
        guard !parts.origins.isEmpty else { return }
        try await ask(parts.origins.map(\.url), rounds: 1, now: now) { client throws(RegistryError) in
            try await client.probe("/healthz", within: seconds)
        }
    }

    private func eachIndex<Value>(
        now: Double, _ question: (RegistryClient) async throws(RegistryError) -> Value
    ) async throws(RegistryError) -> Value {
        try await ask(try await parts(now: now).indexes, now: now, isFinal: \.isUnknown, question)
    }

    /// Tags that match the patterns and were put at or after a time, the latest at the end.
    /// - Parameters:
    ///   - time: seconds since 1970, by the index's clock.
    ///   - most: if there are more tags, only the latest are returned.
    func tagged(
        since time: Double, matching patterns: NamePatterns, at index: HTTPURL, most: Int
    ) async throws(RegistryError) -> [Reference] {
        let asked = client(index)
        var found: [(reference: Reference, time: Double)] = []
        for prefix in patterns.namePrefixes.sorted() {
            let query = "?prefix=\(PercentEncoding.encode(prefix.utf8))&limit=\(Self.page)"
            try await eachPage(asked, "/v1/names" + query) { names throws(RegistryError) in
                for name in (names["names"]?.arrayValue ?? []).compactMap({ $0.stringValue.flatMap { ContentName($0) } }
                ) {
                    try await eachPage(asked, "/v1/names/\(name)/tags?limit=\(Self.page)") { tags in
                        for entry in tags["tags"]?.arrayValue ?? [] {
                            guard let tag = entry["tag"]?.stringValue.flatMap({ Tag($0) }),
                                let at = entry["updated"]?.stringValue.flatMap({ Moment.parse($0) }), at >= time
                            else { continue }
                            let reference = Reference(name: name, version: .tag(tag))
                            if patterns.match(reference.description) { found.append((reference, at)) }
                        }
                        if found.count > 2 * most { found = Array(found.sorted { $0.time < $1.time }.suffix(most)) }
                    }
                }
            }
        }
        return found.sorted { $0.time < $1.time }.suffix(most).map(\.reference)
    }

    /// Entries of a list per request.
    private static let page = 1_000

    private func eachPage(
        _ client: RegistryClient, _ path: String, _ body: (JSONValue) async throws(RegistryError) -> Void
    ) async throws(RegistryError) {
        var after = ""
        var last: String?
        for _ in 0..<Self.mostPages {
            // A name that was removed meanwhile has no entries.
            guard let page = try await client.document(path + after, limit: Self.listLimit) else { return }
            try await body(page)
            guard let next = page["next"]?.stringValue else { return }
            // Lists are in order, so that each page goes on behind the one before.
            guard last.map({ $0 < next }) ?? true else { throw .malformed("a list that does not go on") }
            last = next
            after = "&after=\(PercentEncoding.encode(next.utf8))"
        }
        throw .malformed("a list without an end")
    }

    private static let mostPages = 100_000

    // MARK: Watching

    /// Asks an index for events, and waits until there are some.
    /// - Parameter query: identifies the agent, and the last event that it knows.
    /// - Returns: nil if the index does not have this route.
    func watch(_ index: HTTPURL, _ query: String) async throws(RegistryError) -> WatchReply? {
        guard let value = try await client(index).document("/v1/watch?" + query, limit: 1 << 20) else { return nil }
        guard let reply = WatchReply(value) else { throw .malformed("no reply to a watch") }
        return reply
    }

    func report(_ report: WarmReport, of watcher: String, on id: String, to index: HTTPURL) async throws(RegistryError)
    {
        var object: JSONObject = ["watcher": .string(watcher)]
        report.write(to: &object)
        _ = try await client(index).post(.object(object), to: "/v1/warmings/\(id)/reports")
    }
}
