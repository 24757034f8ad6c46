import HTTPServing
import HTTPTypes
import Hummingbird
import JSON
import Registry
import Text

/// The HTTP calls of Kraken's build-index, for Kraken's clients. In these paths, a tag is `NAME:TAG`.
struct KrakenCalls: Sendable {
    let calls: NameCalls

    private var service: IndexService { calls.service }

    func put(_ values: RequestValues) async throws(IndexError) -> Response {
        let (name, tag) = try values.tagged("tag")
        _ = try await service.put(
            tag, of: name, digest: try values.digest(), linking: values.seesAll,
            expecting: try Conditions.expectation(values.request), by: calls.act(values))
        return .text("")
    }

    func digest(_ values: RequestValues) async throws(IndexError) -> Response {
        let (name, tag) = try values.tagged("tag")
        return .text(try await service.record(of: tag, of: name).digest.description)
    }

    func has(_ values: RequestValues) async throws(IndexError) -> Response {
        let (name, tag) = try values.tagged("tag")
        _ = try await service.record(of: tag, of: name)
        return .text("")
    }

    /// The tags of a repository, which is Kraken's word for a NAME.
    func tags(_ values: RequestValues) async throws(IndexError) -> Response {
        let (name, limit, offset) = (
            try values.name("repo"), try values.limit(), try values.after("offset") { Tag($0) }
        )
        let records = try await service.asked { () throws(TagStoreError) in
            try await service.store.tags(of: name, after: offset, limit: limit + 1)
        }
        return page(records.map(\.tag.text), values, limit)
    }

    /// All `NAME:TAG` at or below a path.
    func list(_ values: RequestValues, below path: String) async throws(IndexError) -> Response {
        let (limit, offset) = (try values.limit(), try values.after("offset") { Reference($0) })
        let references = try await values.seen(limit + 1, after: offset, name: \.name) {
            after, limit throws(IndexError) in
            try await service.asked { () throws(TagStoreError) in
                try await service.store.tags(below: path, after: after, limit: limit)
            }
        }
        return page(references.map(\.description), values, limit)
    }

    /// A page of a list as Kraken's clients read it. The `offset` of the next page is the last entry of this one.
    private func page(_ entries: [String], _ values: RequestValues, _ limit: Int) -> Response {
        let path = values.request.uri.path
        var next = ""
        let shown = entries.prefix(limit)
        if entries.count > limit, let last = shown.last {
            next = "\(path)?limit=\(limit)&offset=\(PercentEncoding.encode(last.utf8))"
        }
        return .json(
            .object([
                "links": .object(["next": .string(next), "self": .string("\(values.request.uri)")]),
                "size": .integer(Int64(shown.count)), "result": .array(shown.map { .string($0) }),
            ]))
    }
}
