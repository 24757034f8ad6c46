import Address
import Admission
import BlobNode
import Blobs
import Files
import HTTPServing
import HTTPTypes
import Hummingbird
import JSON
import Metainfo
import OCI
import Origin
import Registry
import RegistryAccess
import Swarm
import Text
import Threads
import Upkeep

/// The server's side of the calls between origins, below `/v1/internal`.
struct InternalCalls: Sendable {
    let node: BlobNode
    let watch: ClusterWatch
    let reads: BlobReads
    let copies: Copies
    let repair: Repair
    let tasks: BackendTasks
    let uploads: UploadTable
    /// Nil without upkeep of the disk.
    let space: SpaceKeeper?
    /// The address at which other hosts reach this origin's engine.
    let peers: String
    /// Announce URLs.
    let trackers: [String]
    /// Whether the registry has tokens: then callers need the role `cluster`. Without tokens, any accepted caller may
    /// make these calls.
    let needsRole: Bool
    let admission: Admission

    private static let mostDigests = 10_000
    private static let mostContents: Int64 = 8 << 20

    private static var limits: HTTPLimits {
        var limits = HTTPLimits()
        limits.bodyBytes = 4 << 20
        return limits
    }

    func add(to router: Router<ServiceContext>) {
        for method in [HTTPRequest.Method.get, .head, .post, .put, .patch, .delete] {
            router.on("v1/internal/**", method: method) { await respond(to: $0, $1) }
        }
    }

    private func respond(to request: Request, _ context: ServiceContext) async -> Response {
        if needsRole, let refusal = context.refusal(of: RegistryRoles.cluster) { return refusal }
        let parts = request.uri.path.split(separator: "/").dropFirst(2).map(String.init)
        do throws(OCIError) {
            switch (request.method, parts.first ?? "", parts.count) {
            case (.get, "origin", 1): return about(SeenAddress(request, context))
            case (.post, "notes", 1): return try await notes(try await body(request))
            case (.post, "warm", 1): return try await warm(try await body(request))
            case (.post, "offers", 1): return try await offers(try await body(request))
            case (.post, "adoptions", 1): return try await adopt(try await body(request))
            case (.get, "blobs", 3) where parts[2] == "info":
                let name = request.uri.queryParameters["name"].flatMap { ContentName(String($0)) }
                return await info(try OCIDigest.parse(parts[1]), arrivingUnder: name)
            case (.get, "blobs", 2), (.head, "blobs", 2):
                return try await blob(try OCIDigest.parse(parts[1]), request, context)
            case (.patch, "uploads", 2): return try await receive(parts[1], request, context)
            case (.put, "uploads", 2): return try await finish(parts[1], request)
            case (.delete, "uploads", 2): return await cancel(parts[1])
            default: return Problem.response(.notFound, "PATH", "no such path")
            }
        } catch {
            var response = Problem.response(HTTPResponse.Status(code: error.status), error.code.rawValue, error.message)
            if error.status == 429 || error.status == 503 { response.headers[.retryAfter] = RequestPlace.retryAfter }
            return response
        }
    }

    private func body(_ request: Request) async throws(OCIError) -> JSONValue {
        guard case .success(let bytes) = await RequestBytes.collect(request, limits: Self.limits),
            let value = try? JSONValue.parse(
                bytes, limits: JSONLimits(maxBytes: Self.limits.bodyBytes, maxDepth: 8, maxValues: 200_000))
        else { throw OCIError(400, .unsupported, "the body is no JSON document") }
        return value
    }

    // MARK: Blobs on this disk

    private func about(_ seen: SeenAddress) -> Response {
        .json(.object(["instance": .string(watch.instance), "peers": .string(seen.peers(peers))]))
    }

    /// Body: `{"digests", "contents"}`. Answers with notes on those of the blobs that are on this disk.
    private func notes(_ question: JSONValue) async throws(OCIError) -> Response {
        let digests = (question["digests"]?.arrayValue ?? []).compactMap { $0.stringValue.flatMap { BlobDigest($0) } }
        guard digests.count <= Self.mostDigests else { throw OCIError(400, .unsupported, "too many digests") }
        let isWhole = question["contents"]?.lenientFlag ?? false
        let now = Clocks.wallSeconds
        // What collection has just removed does not count.
        let notes = await Notes.here(digests, node, contents: isWhole ? Self.mostContents : 0)
            .filter { node.catalogue.touch($0.key.sha256, at: now) != nil }
        return .json(.object(["blobs": .array(notes.values.map(\.json))]))
    }

    /// Body: `{"digest", "name", "patience"}`. Reads a blob from its back end, if it is not on this disk.
    private func warm(_ question: JSONValue) async throws(OCIError) -> Response {
        guard let digest = question["digest"]?.stringValue.flatMap({ BlobDigest($0) }),
            let name = question["name"]?.stringValue.flatMap({ ContentName($0) })
        else { throw OCIError(400, .unsupported, "a digest and a name are needed") }
        let patience: Double = if case .double(let seconds)? = question["patience"] { seconds } else { 0 }
        let answer = await reads.warmHere(digest, in: name, patience: min(60, max(0, patience)))
        return .json(ColdWire.json(answer))
    }

    /// - Parameter name: to read it from its back end, if it is not here.
    private func info(_ digest: BlobDigest, arrivingUnder name: ContentName?) async -> Response {
        var info = await Threads.offload { [node] in try? node.info(of: digest.sha256) }
        if info == nil, let name, node.catalogue.entry(of: digest.sha256) == nil {
            info = await reads.arrivingHere(digest, in: name)
        }
        guard let info else { return Problem.response(.notFound, "BLOB_UNKNOWN", RegistryText.noBlob(digest)) }
        // Idle blobs are not announced to trackers. A client that gets the torrent asks the tracker next, and must find
        // this origin there.
        if !trackers.isEmpty {
            let torrent = Torrent(info: info.info, trackers: trackers.map { [$0] })
            Task { [node] in _ = await node.announce(torrent, of: digest.sha256) }
        }
        return Response(
            status: .ok, headers: [.contentType: "application/octet-stream"],
            body: ResponseBody(byteBuffer: .init(bytes: info.info.bytes)))
    }

    /// A blob or a range of it. With the parameters `name` and `patience` it is read from its back end, if it is not on
    /// this disk. With `bad=true` it may have wrong pieces.
    private func blob(
        _ digest: BlobDigest, _ request: Request, _ context: ServiceContext
    ) async throws(OCIError) -> Response {
        let parameters = request.uri.queryParameters
        let wish = BlobReads.Wish(
            digest: digest, head: request.head, headers: [.contentType: "application/octet-stream"],
            name: parameters["name"].flatMap { ContentName(String($0)) },
            patience: min(60, max(0, parameters["patience"].flatMap { Double($0) } ?? 0)),
            takesBad: parameters["bad"] == "true")
        switch await reads.own(wish, in: context) {
        case .response(let response): return response
        case .missing: throw OCIError(404, .blobUnknown, RegistryText.noBlob(digest))
        case .refused(let error): throw error
        case .cold(let answer):
            guard let response = ColdWire.response(answer) else {
                throw OCIError(404, .blobUnknown, RegistryText.noBlob(digest))
            }
            return response
        }
    }

    // MARK: Blobs to store

    private func offers(_ question: JSONValue) async throws(OCIError) -> Response {
        let blobs = (question["blobs"]?.arrayValue ?? []).compactMap { OfferedBlob($0) }
        guard let host = question["from"]?.stringValue, watch.placement.hosts.contains(host),
            blobs.count <= Self.mostDigests
        else { throw OCIError(400, .unsupported, "that is no offer of an origin that is known here") }
        let have = await repair.offered(blobs, by: host)
        return .json(.object(["have": .array(have.map { .string($0.description) })]))
    }

    private func adopt(_ question: JSONValue) async throws(OCIError) -> Response {
        guard let digest = question["digest"]?.stringValue.flatMap({ BlobDigest($0) }),
            let name = question["name"]?.stringValue.flatMap({ ContentName($0) })
        else { throw OCIError(400, .unsupported, "a digest and a name are needed") }
        guard node.catalogue.touch(digest.sha256, at: Clocks.wallSeconds) != nil else {
            throw OCIError(404, .blobUnknown, RegistryText.noBlob(digest))
        }
        try await tasks.add(digest, for: name)
        return .json(.object(JSONObject()))
    }

    // MARK: Uploads

    private func receive(
        _ id: String, _ request: Request, _ context: ServiceContext
    ) async throws(OCIError) -> Response {
        let parameters = request.uri.queryParameters
        guard BlobUpload.isID(id), let offset = parameters["offset"].flatMap({ Int64($0) }), offset >= 0 else {
            throw OCIError(400, .blobUploadInvalid, "that is no part of an upload")
        }
        let size = parameters["size"].flatMap { Int64($0) }
        if offset == 0, let space, await space.isFull() {
            throw OCIError(507, .denied, "no space is left at this origin")
        }
        guard let place = context.place(admission, at: .files) else {
            throw OCIError(429, .tooManyRequests, RequestPlace.refusalText)
        }
        let upload: BlobUpload?
        do throws(SystemError) {
            upload = try await Threads.offload { [uploads] () throws(SystemError) in
                let now = Clocks.steadySeconds
                return offset == 0
                    ? try uploads.begin(id: id, size: size, now: now) : try uploads.find(id, now: now)
            }
        } catch {
            throw OCIService.disk(error)
        }
        guard let upload else { throw OCIService.error(UploadProblem.unknown) }
        do throws(UploadProblem) {
            try upload.enter(at: offset)
            defer { upload.leave() }
            let part = UploadPart(
                id: id, offset: offset, digest: parameters["digest"].flatMap { BlobDigest(String($0)) })
            let via = parameters["via"].map { $0.split(separator: ",").map(String.init) }
            let tap = copies.tap(part, size: size, from: .origin(via: via))
            try await UploadPump(upload: upload, place: place, tap: tap).run(request.body)
        } catch {
            throw OCIService.error(error)
        }
        return .json(.object(["length": .integer(upload.length)]))
    }

    private func find(_ id: String) async throws(OCIError) -> BlobUpload {
        let upload: BlobUpload?
        do throws(SystemError) {
            upload = try await Threads.offload { [uploads] () throws(SystemError) in
                try uploads.find(id, now: Clocks.steadySeconds)
            }
        } catch {
            throw OCIService.disk(error)
        }
        guard let upload else { throw OCIService.error(UploadProblem.unknown) }
        return upload
    }

    private func finish(_ id: String, _ request: Request) async throws(OCIError) -> Response {
        let parameters = request.uri.queryParameters
        guard let digest = parameters["digest"].flatMap({ BlobDigest(String($0)) }),
            let name = parameters["name"].flatMap({ ContentName(String($0)) })
        else { throw OCIError(400, .digestInvalid, "a digest and a name are needed") }
        let upload = try await find(id)
        // Until the catalogue has it, collection would take the blob's file for one that nobody has.
        let lease = node.catalogue.reserve(digest.sha256)
        defer { withExtendedLifetime(lease) {} }
        let blob: FinishedBlob
        do throws(UploadProblem) {
            blob = try await Threads.offload { () throws(UploadProblem) in try upload.finish(digest.sha256) }
        } catch {
            uploads.forget(upload)
            await copies.dropped(id)
            throw OCIService.error(error)
        }
        uploads.forget(upload)
        let hosts = try await copies.settle(passedOn: blob, id: id, name: name)
        return .json(.object(["hosts": .array(hosts.map { .string($0) })]), status: .created)
    }

    private func cancel(_ id: String) async -> Response {
        if let upload = try? await find(id) {
            await Threads.offload { upload.cancel() }
            uploads.forget(upload)
        }
        await copies.dropped(id)
        return Response(status: .noContent)
    }
}

private enum OCIDigest {
    static func parse(_ text: String) throws(OCIError) -> BlobDigest {
        guard let digest = text.removingPercentEscapes.flatMap({ BlobDigest($0) }) else {
            throw OCIError(400, .digestInvalid, "that is no digest")
        }
        return digest
    }
}

extension String {
    /// Nil for a broken escape, and for bytes that are not UTF-8.
    fileprivate var removingPercentEscapes: String? { PercentEncoding.decode(self) }
}
