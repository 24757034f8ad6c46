import HTTPServing
import HTTPTypes
import Hummingbird
import JSON
import OCI
import Registry
import RegistryAccess
import TagIndex
import Text
import Threads

/// Tags under `/v1/names/`: lists, one tag, its history.
struct TagCalls: Sendable {
    let index: any TagStore
    private static let mostEntries = 1_000

    /// What a path under `/v1/names` names.
    private enum Target {
        case names
        case tags(ContentName)
        case tag(ContentName, Tag)
        /// Of one tag, or of all.
        case history(ContentName, Tag?)

        var name: ContentName? {
            switch self {
            case .names: nil
            case .tags(let name), .tag(let name, _), .history(let name, _): name
            }
        }
    }

    func respond(to request: Request, _ context: ServiceContext) async -> Response {
        guard let target = Self.target(request.uri.path) else {
            return Problem.response(.badRequest, "BAD_NAME", "that is no NAME or no TAG")
        }
        if let refusal = context.refusal(of: Self.role(of: request.method), with: target.name) { return refusal }
        do throws(StoreProblem) {
            switch (request.method, target) {
            case (.get, .names): return try await names(request, context)
            case (.get, .tags(let name)): return try await tags(of: name, request)
            case (.get, .tag(let name, let tag)): return try await show(name, tag)
            case (.get, .history(let name, let tag)): return try await history(name, tag, request)
            case (.put, .tag(let name, let tag)): return try await put(name, tag, request, context)
            case (.delete, .tag(let name, let tag)): return try await remove(name, tag, context)
            default: return Problem.response(.methodNotAllowed, "METHOD", "\(request.method) is not possible here")
            }
        } catch {
            return Problem.response(error)
        }
    }

    private static func role(of method: HTTPRequest.Method) -> Role {
        switch method {
        case .get: RegistryRoles.pull
        case .delete: RegistryRoles.admin
        default: RegistryRoles.push
        }
    }

    /// `/v1/names`, `/v1/names/NAME/tags`, `/v1/names/NAME/tags/TAG`, `/v1/names/NAME/tags/TAG/history`. NAME's slashes may be
    /// written as such, or percent-encoded.
    private static func target(_ path: String) -> Target? {
        let prefix = "/v1/names"
        guard path.hasPrefix(prefix) else { return nil }
        var parts = path.dropFirst(prefix.count).split(separator: "/").map { String($0) }
        if parts.isEmpty { return .names }
        if parts.last == "tags" {
            return name(parts.dropLast()).map { .tags($0) }
        }
        if parts.count >= 2, parts.last == "history", parts.dropLast().last != "tags",
            parts.count < 4 || parts[parts.count - 3] != "tags"
        {
            return name(parts.dropLast()).map { .history($0, nil) }
        }
        var isHistory = false
        if parts.last == "history", parts.count >= 4, parts[parts.count - 3] == "tags" {
            isHistory = true
            parts.removeLast()
        }
        guard parts.count >= 3, parts[parts.count - 2] == "tags", let name = name(parts.dropLast(2)),
            let tag = parts.last?.percentDecoded.flatMap({ Tag($0) })
        else { return nil }
        return isHistory ? .history(name, tag) : .tag(name, tag)
    }

    private static func name(_ parts: ArraySlice<String>) -> ContentName? {
        parts.joined(separator: "/").percentDecoded.flatMap { ContentName($0) }
    }

    private func page(_ request: Request) -> (limit: Int, after: String?) {
        let limit = request.uri.queryParameters["limit"].flatMap { Int($0) } ?? Self.mostEntries
        return (max(1, min(limit, Self.mostEntries)), request.uri.queryParameters["after"].map(String.init))
    }

    /// - Parameter last: what to go on after, where there is more.
    private func list(_ key: String, _ entries: [JSONValue], _ limit: Int, last: String?) -> Response {
        .json(
            .object([
                key: .array(Array(entries.prefix(limit))),
                "next": entries.count > limit ? last.map { .string($0) } ?? .null : .null,
            ]))
    }

    /// RFC 3339, in UTC.
    private static func time(_ seconds: Double) -> String {
        let whole = Int64(clamping: Int(exactly: seconds.rounded(.down)) ?? 0)
        let (days, rest) = (whole / 86_400, whole % 86_400)
        let date = CivilDate(daysSince1970: days)
        return "\(zeroPadded(date.year, 4))-\(zeroPadded(date.month))-\(zeroPadded(date.day))T"
            + "\(zeroPadded(rest / 3_600)):\(zeroPadded(rest / 60 % 60)):\(zeroPadded(rest % 60))Z"
    }

    private func names(_ request: Request, _ context: ServiceContext) async throws(StoreProblem) -> Response {
        let (limit, after) = page(request)
        let names = try await context.seen(limit + 1, after: after) { after, limit throws(StoreProblem) in
            try await index.names(after: after, limit: limit)
        }.map(\.text)
        return list("names", names.map { .string($0) }, limit, last: names.prefix(limit).last)
    }

    private func tags(of name: ContentName, _ request: Request) async throws(StoreProblem) -> Response {
        let (limit, after) = page(request)
        guard let tags = try await index.tags(of: name, after: after, limit: limit + 1) else {
            return Problem.response(.notFound, "NAME_UNKNOWN", "nothing is known under the name \(name)")
        }
        let entries = tags.map { entry -> JSONValue in
            .object([
                "tag": .string(entry.tag.text), "digest": .string(entry.digest.description),
                "updated": .string(Self.time(entry.at)),
            ])
        }
        return list("tags", entries, limit, last: tags.prefix(limit).last?.tag.text)
    }

    private func show(_ name: ContentName, _ tag: Tag) async throws(StoreProblem) -> Response {
        guard let digest = try await index.digest(of: tag, in: name) else { return try await unknown(name, tag) }
        var response = Response.json(
            .object([
                "name": .string(name.text), "tag": .string(tag.text), "digest": .string(digest.description),
            ]))
        response.headers[.eTag] = "\"\(digest)\""
        return response
    }

    private func unknown(_ name: ContentName, _ tag: Tag) async throws(StoreProblem) -> Response {
        let newest = try await index.newestTag(of: name)
        return Problem.response(.notFound, "TAG_UNKNOWN", RegistryText.noTag(name, tag, newest: newest))
    }

    private func history(
        _ name: ContentName, _ tag: Tag?, _ request: Request
    ) async throws(StoreProblem) -> Response {
        let (limit, _) = page(request)
        let changes = try await index.history(of: tag, in: name, limit: limit)
        guard !changes.isEmpty else {
            if let tag { return try await unknown(name, tag) }
            return Problem.response(.notFound, "NAME_UNKNOWN", "nothing is known under the name \(name)")
        }
        let entries = changes.map { change -> JSONValue in
            .object([
                "tag": .string(change.tag.text), "action": .string(change.digest == nil ? "deleted" : "put"),
                "digest": change.digest.map { .string($0.description) } ?? .null,
                "when": .string(Self.time(change.at)), "who": .string(change.author.name),
                "address": .string(change.author.address),
            ])
        }
        return .json(.object(["name": .string(name.text), "history": .array(entries)]))
    }

    private func put(
        _ name: ContentName, _ tag: Tag, _ request: Request, _ context: ServiceContext
    ) async throws(StoreProblem) -> Response {
        var limits = HTTPLimits()
        limits.bodyBytes = 4 << 10
        guard case .success(let bytes) = await RequestBytes.collect(request, limits: limits),
            let text = (try? JSONValue.parse(bytes))?["digest"]?.stringValue, let digest = BlobDigest(text)
        else {
            return Problem.response(.badRequest, "BAD_BODY", "the body is {\"digest\": \"sha256:…\"}")
        }
        return try await put(name, tag, digest, expected: Self.expected(request), context)
    }

    /// The digest in `If-Match`.
    private static func expected(_ request: Request) -> BlobDigest? {
        request.headers[.ifMatch].flatMap { BlobDigest($0.filter { $0 != "\"" }) }
    }

    private func put(
        _ name: ContentName, _ tag: Tag, _ digest: BlobDigest, expected: BlobDigest?, _ context: ServiceContext
    ) async throws(StoreProblem) -> Response {
        guard try await index.hasBlob(digest, in: name) else {
            return Problem.response(
                .badRequest, "DIGEST_UNKNOWN", "\(name) has no manifest and no blob \(digest)",
                advice: "Push it first.")
        }
        let outcome = try await index.put(
            [tag], digest: digest, manifest: nil, in: name, expected: expected,
            by: Author(name: context.caller?.name ?? "", address: context.remoteAddress), at: Clocks.wallSeconds)
        switch outcome {
        case .put, .same: return try await show(name, tag)
        case .taken(let tag, let digest):
            return Problem.response(.conflict, "TAG_IMMUTABLE", RegistryText.immutable(name, tag, digest))
        case .moved(let tag, let digest):
            let now = digest.map { "is \($0)" } ?? "is not there"
            return Problem.response(.preconditionFailed, "TAG_MOVED", "\(name):\(tag) \(now) now")
        }
    }

    private func remove(_ name: ContentName, _ tag: Tag, _ context: ServiceContext) async throws(StoreProblem)
        -> Response
    {
        let isGone = try await index.removeTag(
            tag, in: name, by: Author(name: context.caller?.name ?? "", address: context.remoteAddress),
            at: Clocks.wallSeconds)
        return isGone ? Response(status: .noContent) : try await unknown(name, tag)
    }
}
