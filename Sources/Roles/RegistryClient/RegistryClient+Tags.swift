import HTTPTransport
import JSON
import NIOHTTP1
import Registry
import Text

extension RegistryClient {
    /// The tags of a name, in the registry's order.
    /// - Throws: `.unknown` when the registry has no such name.
    package func tags(of name: ContentName) async throws(RegistryError) -> [Tag] {
        try await list("/v2/\(name)/tags/list", member: "tags", subject: "no name \(name)").compactMap { Tag($0) }
    }

    /// All names, where the registry lists them (`/v2/_catalog`).
    package func names() async throws(RegistryError) -> [ContentName] {
        try await list("/v2/_catalog", member: "repositories", subject: "").compactMap { ContentName($0) }
    }

    /// Collects all pages of a list, which are linked by `Link: <…>; rel="next"`.
    private func list(_ path: String, member: String, subject: String) async throws(RegistryError) -> [String] {
        var next: HTTPURL? = try url(path, query: "?n=1000")
        var found: [String] = []
        while let page = next {
            let (answer, body) = try await exchange(
                Call(method: .GET, url: page, subject: subject, accepts: [200]), limit: options.mostListBytes)
            let limits = JSONLimits(maxBytes: options.mostListBytes, maxDepth: 8, maxValues: 400_000)
            guard let object = (try? JSONValue.parse(body, limits: limits))?.objectValue else {
                throw .malformed("no list of \(member)")
            }
            let values = object[member]?.arrayValue ?? []
            found += values.compactMap(\.stringValue)
            next = nil
            if let link = answer.headers["link"].first(where: { $0.contains("rel=\"next\"") || $0.contains("rel=next") }
            ),
                let open = link.firstIndex(of: "<"), let close = link.firstIndex(of: ">"), open < close
            {
                // A server whose empty pages link to further pages could keep the client busy for ever.
                guard !values.isEmpty, found.count <= options.mostTags,
                    let resolved = page.resolving(String(link[link.index(after: open)..<close])), isOurs(resolved)
                else { break }
                next = resolved
            }
        }
        return found
    }

    /// A JSON document of the index's own API below `/v1`; nil where there is no such document or no such API.
    package func document(_ path: String, limit: Int) async throws(RegistryError) -> JSONValue? {
        let (answer, body) = try await exchange(
            Call(method: .GET, url: try url(path), headers: ["Accept": "application/json"], accepts: [200, 404, 405]),
            limit: limit)
        guard answer.status == .ok else { return nil }
        return try? JSONValue.parse(body, limits: JSONLimits(maxBytes: limit, maxDepth: 32, maxValues: 400_000))
    }

    /// The body of an answer of that API, of any type.
    /// - Throws: `.unknown` where there is no such path.
    package func content(_ path: String, limit: Int) async throws(RegistryError) -> [UInt8] {
        try await exchange(Call(method: .GET, url: try url(path), accepts: [200]), limit: limit).body
    }

    /// Sends DELETE for a path of that API; false where there is no such path or no such API.
    package func deleteDocument(_ path: String) async throws(RegistryError) -> Bool {
        let (answer, _) = try await exchange(
            Call(method: .DELETE, url: try url(path), accepts: [200, 202, 204, 404, 405]), limit: 64 << 10)
        return (200..<300).contains(answer.status.code)
    }
}
