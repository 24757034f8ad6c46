import JSON
import Registry
import RegistryClient
import RegistryWatch
import Text

/// What this host's programs and the agent itself ask a registry for beside content.
extension RegistryView {
    private static let listLimit = 8 << 20

    /// The tags of a name in their order, after one of them.
    /// - Returns: nil for a name that has nothing.
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

    /// What is about a manifest, as an origin lists it.
    package func referrers(
        to digest: BlobDigest, in name: ContentName, now: Double
    ) async throws(RegistryError) -> [Descriptor] {
        var problem: RegistryError?
        for origin in try await parts(now: now).origins {
            do throws(RegistryError) {
                let list = try await client(origin.url).document(
                    "/v2/\(name)/referrers/\(digest)", limit: Self.listLimit)
                do {
                    return try (list?["manifests"]?.arrayValue ?? []).map { try Descriptor($0, in: "a referrer") }
                } catch {
                    throw .malformed("\(error)")
                }
            } catch {
                problem = problem ?? error
            }
        }
        throw problem ?? .malformed("the registry has no origin")
    }

    /// Whether some index answers at this moment.
    func probe(within seconds: Double, now: Double) async throws(RegistryError) {
        var problem: RegistryError?
        for index in try await parts(now: now).indexes {
            do throws(RegistryError) {
                return try await client(index).probe("/readyz", within: seconds)
            } catch {
                problem = problem ?? error
            }
        }
        throw problem ?? .malformed("the registry has no index")
    }

    private func eachIndex<Value>(
        now: Double, _ ask: (RegistryClient) async throws(RegistryError) -> Value
    ) async throws(RegistryError) -> Value {
        var problem: RegistryError?
        for index in try await parts(now: now).indexes {
            do throws(RegistryError) {
                return try await ask(client(index))
            } catch {
                if case .unknown = error { throw error }
                problem = problem ?? error
            }
        }
        throw problem ?? .malformed("the registry has no index")
    }

    // MARK: Watching

    /// Keeps a request at an index until there is news.
    /// - Parameter query: who asks, and what it knows.
    /// - Returns: nil where the index has no such call.
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
