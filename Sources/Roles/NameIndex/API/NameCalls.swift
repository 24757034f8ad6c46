import HTTPServing
import HTTPTypes
import Hummingbird
import JSON
import Registry
import RegistryAccess

/// The HTTP calls of `/v1`.
struct NameCalls: Sendable {
    let service: IndexService
    /// The present time, in milliseconds since 1970.
    let now: @Sendable () -> Int64
    let limits: HTTPLimits
    /// Nil where no part of the registry forwards requests.
    let access: RegistryAccess?

    private var store: any TagStore { service.store }

    func act(_ values: RequestValues) -> Act {
        let via = HTTPField.Name(ClusterPath.header).flatMap { values.request.headers[$0] }
        let context = values.context
        let address =
            access.map { ForwardedClient.address(of: values.request, context, $0) } ?? context.remoteAddress
        return Act(who: context.caller?.name ?? "", address: address, at: now(), via: ClusterPath(via))
    }

    // MARK: Tags

    func tag(_ values: RequestValues) async throws(IndexError) -> Response {
        let (name, tag) = (try values.name(), try values.tag())
        let record = try await service.record(of: tag, of: name)
        if Conditions.has(record.digest, values.request) { return Response.bare(.notModified).tagged(record.digest) }
        let isMutable = service.rules.isMutable(name, tag)
        return Response.json(IndexDocuments.record(record, of: name, isMutable: isMutable)).tagged(record.digest)
    }

    /// Puts a tag. The request's body is `{"digest":"sha256:…"}`, or a manifest with its `Content-Type`.
    func putTag(_ values: RequestValues) async throws(IndexError) -> Response {
        let (name, tag) = (try values.name(), try values.tag())
        let expecting = try Conditions.expectation(values.request)
        let type = values.request.headers[.contentType]
        let isManifest = Manifest.types.contains { type?.hasPrefix($0) == true }
        let body = try await body(values.request, most: isManifest ? Manifest.mostBytes : 4096)
        let act = act(values)
        let digest: BlobDigest
        if isManifest {
            let manifest: Manifest
            do { manifest = try Manifest(body, type: type) } catch { throw .manifest(error) }
            try await service.put(manifest, under: name, tags: [tag], expecting: expecting, by: act)
            digest = manifest.digest
        } else {
            digest = try Self.digest(in: body)
            _ = try await service.put(
                tag, of: name, digest: digest, linking: values.seesAll, expecting: expecting, by: act)
        }
        return Response.json(
            .object([
                "name": .string(name.text), "tag": .string(tag.text), "digest": .string(digest.description),
            ])
        ).tagged(digest)
    }

    func deleteTag(_ values: RequestValues) async throws(IndexError) -> Response {
        let (name, tag) = (try values.name(), try values.tag())
        _ = try await service.delete(
            tag, of: name, expecting: try Conditions.expectation(values.request), by: act(values))
        return Response(status: .noContent)
    }

    func tags(_ values: RequestValues) async throws(IndexError) -> Response {
        let (name, limit, after) = (try values.name(), try values.limit(), try values.after { Tag($0) })
        let records = try await service.asked { () throws(TagStoreError) in
            try await store.tags(of: name, after: after, limit: limit + 1)
        }
        if records.isEmpty { try await require(name) }
        return .json(
            IndexDocuments.page(
                "tags", records, limit, name: name, after: { $0.tag.text }, IndexDocuments.entry))
    }

    /// - Parameter ofTag: whether only the history of the tag in the path is wanted, not that of all tags of the NAME.
    func history(_ values: RequestValues, ofTag: Bool) async throws(IndexError) -> Response {
        let name = try values.name()
        let tag = ofTag ? try values.tag() : nil
        let (limit, after) = (try values.limit(), try values.after { Int64($0) })
        let events = try await service.asked { () throws(TagStoreError) in
            try await store.history(of: name, tag: tag, before: after, limit: limit + 1)
        }
        if events.isEmpty {
            try await require(name)
            if let tag, after == nil { throw try await service.noTag(tag, of: name) }
        }
        return .json(
            IndexDocuments.page("history", events, limit, name: name, after: { "\($0.id)" }, IndexDocuments.event))
    }

    // MARK: Replication

    func replications(_ values: RequestValues) async throws(IndexError) -> Response {
        let (name, tag) = (try values.name(), try values.tag())
        let tasks = try await service.asked { () throws(TagStoreError) in
            try await store.replications(of: tag, of: name)
        }
        return .json(.object(["replications": .array(tasks.map(IndexDocuments.replication))]))
    }

    func replicate(_ values: RequestValues) async throws(IndexError) -> Response {
        let (name, tag) = (try values.name(), try values.tag())
        let isThere = try await service.asked { () throws(TagStoreError) in
            try await store.replicate(tag, of: name, at: now())
        }
        guard isThere else { throw try await service.noTag(tag, of: name) }
        return try await replications(values)
    }

    // MARK: Names

    func names(_ values: RequestValues) async throws(IndexError) -> Response {
        let (limit, after) = (try values.limit(), try values.after { ContentName($0) })
        let prefix = values.query("prefix") ?? ""
        let names = try await values.seen(limit + 1, after: after, name: \.self) { after, limit throws(IndexError) in
            try await service.asked { () throws(TagStoreError) in
                try await store.names(prefix: prefix, after: after, limit: limit)
            }
        }
        return .json(IndexDocuments.page("names", names, limit, after: \.text) { .string($0.text) })
    }

    func resolve(_ values: RequestValues) async throws(IndexError) -> Response {
        let reference = try values.reference("reference")
        if values.request.headers[.ifNoneMatch] != nil {
            let digest = try await service.digest(of: reference)
            if Conditions.has(digest, values.request) { return Response.bare(.notModified).tagged(digest) }
        }
        let resolution = try await service.resolve(reference)
        return Response.json(IndexDocuments.resolution(resolution)).tagged(resolution.digest)
    }

    func collect(_ values: RequestValues) async throws(IndexError) -> Response {
        guard values.seesAll else {
            throw .malformed("this token is not for every name", advice: "use a token without names")
        }
        let (collected, swept) = try await service.collect(now: now(), dryRun: values.query("dry_run") == "true")
        return .json(
            .object([
                "manifests": .integer(Int64(collected.manifests)), "blobs": .integer(Int64(collected.links)),
                "removed": .integer(Int64(swept.blobs)), "bytes": .integer(swept.bytes),
            ]))
    }

    /// Imports a manifest. The request's body is the manifest; the parameter `tag` may be given more than once.
    func importManifest(_ values: RequestValues) async throws(IndexError) -> Response {
        let name = try values.name()
        var tags: [Tag] = []
        for text in values.request.uri.queryParameters.getAll("tag") {
            guard let tag = Tag(text) else { throw .malformed("that is no tag", advice: "give tag=TAG") }
            tags.append(tag)
        }
        let manifest: Manifest
        let bytes = try await body(values.request, most: Manifest.mostBytes + 1)
        do { manifest = try Manifest(bytes, type: nil) } catch { throw .manifest(error) }
        try await service.adopt(manifest, under: name, tags: tags, by: act(values))
        return .json(.object(["digest": .string(manifest.digest.description)]), status: .created)
    }

    // MARK: Parts

    private func require(_ name: ContentName) async throws(IndexError) {
        let exists = try await service.asked { () throws(TagStoreError) in try await store.exists(name) }
        guard exists else { throw .noName(name) }
    }

    private func body(_ request: Request, most: Int) async throws(IndexError) -> [UInt8] {
        var limits = limits
        limits.bodyBytes = most
        switch await RequestBytes.collect(request, limits: limits) {
        case .success(let bytes): return bytes
        case .failure(let problem): throw .body(problem.text, status: problem.status.code)
        }
    }

    private static func digest(in body: [UInt8]) throws(IndexError) -> BlobDigest {
        guard let text = (try? JSONValue.parse(body))?["digest"]?.stringValue else {
            throw .malformed(
                "the body is neither a manifest nor {\"digest\": …}",
                advice: "send {\"digest\": \"sha256:…\"}, or a manifest with its Content-Type")
        }
        guard let digest = BlobDigest(text) else { throw RequestValues.noDigest }
        return digest
    }
}
