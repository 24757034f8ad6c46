import Admission
import Blobs
import Files
import HTTPServing
import HTTPTypes
import Hummingbird
import Registry
import RegistryAccess
import Threads

extension OCIService {
    func blob(
        _ digest: BlobDigest, in name: ContentName, _ request: Request, _ context: ServiceContext
    ) async throws(OCIError) -> Response {
        guard try await index.hasBlob(digest, in: name) else { throw Self.unknownBlob(digest, name) }
        var headers: HTTPFields = [.contentType: "application/octet-stream"]
        if let name = HTTPField.Name.contentDigest { headers[name] = digest.description }
        let response = try await blobs.response(digest, for: name, to: request.head, headers: headers, in: context)
        if let response { return response }
        guard try await blobs.obtain(digest, for: name) != nil else { throw Self.unknownBlob(digest, name) }
        let file = await blobs.directory.served(digest)
        guard let file else { throw Self.unknownBlob(digest, name) }
        guard let place = context.place(admission, at: .files) else {
            throw OCIError(429, .tooManyRequests, RequestPlace.refusalText)
        }
        return FileAnswer(to: request.head, file: file, headers: headers)
            .response(in: context, within: limits, admission, holding: place)
    }

    // MARK: Uploads

    private func uploads() throws(OCIError) -> UploadTable {
        guard let uploads = blobs.uploads else {
            throw OCIError(405, .unsupported, "nothing is pushed here: push to the registry")
        }
        return uploads
    }

    func beginUpload(
        to name: ContentName, _ request: Request, _ context: ServiceContext
    ) async throws(OCIError) -> Response {
        let uploads = try uploads()
        let parameters = request.uri.queryParameters
        var announced: BlobDigest?
        if let text = parameters["mount"] {
            let digest = try OCIPath.digest(String(text))
            announced = digest
            if try await mount(digest, to: name, from: parameters["from"].map(String.init), context) {
                return created(digest, in: name)
            }
        }
        try await blobs.admitPush()
        let upload: BlobUpload
        // `size` is not in the specification. If the size is known, only the piece length for that size is hashed.
        let size = parameters["size"].flatMap { Int64($0) }
        do throws(SystemError) {
            upload = try await Threads.offload { () throws(SystemError) in
                try uploads.begin(size: size, for: name.text, now: Clocks.steadySeconds)
            }
        } catch {
            throw Self.disk(error)
        }
        // The client now uploads the blob that could not be mounted. Since its digest is known, its bytes are passed on to
        // its owners while they arrive.
        if let announced { upload.announce(announced.sha256) }
        if let text = parameters["digest"] {
            return try await end(upload, to: name, digest: try OCIPath.digest(String(text)), request, context)
        }
        // Some clients send a body along with the request that begins an upload.
        try await receive(request, context, into: upload, at: nil)
        return state(of: upload, in: name, .accepted)
    }

    /// Adds a blob that the registry has to a name. Without `from`, any name may have the blob; a caller whose token is
    /// limited to some names must give `from`.
    private func mount(
        _ digest: BlobDigest, to name: ContentName, from: String?, _ context: ServiceContext
    ) async throws(OCIError) -> Bool {
        if let from {
            guard let source = ContentName(from), context.sees(source), try await index.hasBlob(digest, in: source)
            else { return false }
        } else if context.caller?.scope != nil {
            return false
        }
        let held = blobs.hold(digest)
        defer { withExtendedLifetime(held) {} }
        // One with too few copies is uploaded once more, which makes them.
        guard try await blobs.obtain(digest, for: name) != nil, await blobs.isSafe(digest, for: name) else {
            return false
        }
        try await index.addBlob(digest, to: name)
        return true
    }

    func continueUpload(
        _ id: String, to name: ContentName, _ request: Request, _ context: ServiceContext
    ) async throws(OCIError) -> Response {
        let upload = try await find(id, for: name)
        try await receive(request, context, into: upload, at: try Self.start(of: request))
        return state(of: upload, in: name, .accepted)
    }

    func endUpload(
        _ id: String, to name: ContentName, _ request: Request, _ context: ServiceContext
    ) async throws(OCIError) -> Response {
        guard let text = request.uri.queryParameters["digest"] else {
            throw OCIError(400, .digestInvalid, "the request that ends an upload says its digest")
        }
        let digest = try OCIPath.digest(String(text))
        return try await end(try await find(id, for: name), to: name, digest: digest, request, context)
    }

    func uploadState(_ id: String, of name: ContentName) async throws(OCIError) -> Response {
        state(of: try await find(id, for: name), in: name, .noContent)
    }

    func cancelUpload(_ id: String, of name: ContentName) async throws(OCIError) -> Response {
        let (upload, uploads) = (try await find(id, for: name), try uploads())
        await Threads.offload { upload.cancel() }
        uploads.forget(upload)
        await blobs.dropped(id)
        return Response(status: .noContent)
    }

    private func end(
        _ upload: BlobUpload, to name: ContentName, digest: BlobDigest, _ request: Request, _ context: ServiceContext
    ) async throws(OCIError) -> Response {
        try await receive(request, context, into: upload, at: try Self.start(of: request), of: digest)
        // Until the name has the blob, only this lease keeps garbage collection from removing it.
        let held = blobs.hold(digest)
        defer { withExtendedLifetime(held) {} }
        let blob: FinishedBlob
        do throws(UploadProblem) {
            blob = try await Threads.offload { () throws(UploadProblem) in try upload.finish(digest.sha256) }
        } catch {
            switch error {
            case .gap, .busy: break
            // The upload can be resumed from the disk.
            case .disk: blobs.uploads?.forget(upload)
            default:
                blobs.uploads?.forget(upload)
                await blobs.dropped(upload.id)
            }
            throw Self.error(error)
        }
        // Until the blob has its copies and its name, a client that asks again hears that the upload is in use.
        defer { blobs.uploads?.forget(upload) }
        try await blobs.pushed(blob, by: upload.id, to: name)
        try await index.addBlob(digest, to: name)
        return created(digest, in: name)
    }

    /// An upload that was begun for a name: of another one it does not exist, as a caller may be limited to some names.
    private func find(_ id: String, for name: ContentName) async throws(OCIError) -> BlobUpload {
        let uploads = try uploads()
        let found: BlobUpload?
        do throws(SystemError) {
            found = try await Threads.offload { () throws(SystemError) in
                try uploads.find(id, now: Clocks.steadySeconds)
            }
        } catch {
            throw Self.disk(error)
        }
        guard let found, found.target == name.text else { throw Self.error(UploadProblem.unknown) }
        return found
    }

    /// Reads a request's body into an upload.
    private func receive(
        _ request: Request, _ context: ServiceContext, into upload: BlobUpload, at offset: Int64?,
        of digest: BlobDigest? = nil
    ) async throws(OCIError) {
        if request.headers[.contentLength] == "0" { return }
        try await blobs.admitPush()
        guard let place = context.place(admission, at: .files) else {
            throw OCIError(429, .tooManyRequests, RequestPlace.refusalText)
        }
        do throws(UploadProblem) {
            let count = request.headers[.contentLength].flatMap { Int64($0) }
            try upload.enter(at: offset, bringing: count, isLast: digest != nil)
            defer { upload.leave() }
            let known = digest ?? upload.announced.map { BlobDigest($0) }
            let part = UploadPart(id: upload.id, offset: upload.length, digest: known)
            try await UploadPump(upload: upload, place: place, tap: blobs.tap(part)).run(request.body)
        } catch {
            throw Self.error(error)
        }
    }

    /// The position of a request's first byte in the blob, from `Content-Range: START-END`, with or without `bytes `; nil
    /// without that header.
    private static func start(of request: Request) throws(OCIError) -> Int64? {
        guard let header = request.headers[.contentRange] else { return nil }
        let text = header.hasPrefix("bytes ") ? header.dropFirst(6) : header[...]
        let parts = text.split(separator: "/").first?.split(separator: "-") ?? []
        guard parts.count == 2, let start = Int64(parts[0]), let end = Int64(parts[1]), start >= 0, end >= start else {
            throw OCIError(400, .blobUploadInvalid, "Content-Range is START-END")
        }
        if let length = request.headers[.contentLength].flatMap({ Int64($0) }), end - start != length - 1 {
            throw OCIError(400, .sizeInvalid, "Content-Range and Content-Length say different things")
        }
        return start
    }

    // MARK: Answers

    private func created(_ digest: BlobDigest, in name: ContentName) -> Response {
        var response = Response(status: .created)
        response.headers[.location] = "/v2/\(name)/blobs/\(digest)"
        if let name = HTTPField.Name.contentDigest { response.headers[name] = digest.description }
        return response
    }

    private func state(of upload: BlobUpload, in name: ContentName, _ status: HTTPResponse.Status) -> Response {
        var response = Response(status: status)
        response.headers[.location] = "/v2/\(name)/blobs/uploads/\(upload.id)"
        // Like other registries, this one also sends the range 0-0 for an upload without a byte.
        response.headers[.range] = "0-\(max(0, upload.length - 1))"
        if let name = HTTPField.Name("Docker-Upload-UUID") { response.headers[name] = upload.id }
        return response
    }

    package static func disk(_ error: SystemError) -> OCIError {
        error.isFull
            ? OCIError(507, .denied, "no space is left at the registry")
            : OCIError(500, .blobUploadInvalid, "the registry's disk: \(error)")
    }

    package static func error(_ problem: UploadProblem) -> OCIError {
        switch problem {
        case .unknown: OCIError(404, .blobUploadUnknown, "there is no such upload, or it has ended")
        case .busy: OCIError(409, .blobUploadInvalid, "another request is using this upload")
        case .gap(let expected):
            OCIError(416, .blobUploadInvalid, "the upload goes on at byte \(expected)")
        case .wrongDigest(let found):
            OCIError(400, .digestInvalid, "what was sent has the digest \(BlobDigest(found)): nothing was kept")
        case .brokenOff: OCIError(400, .blobUploadInvalid, "the body ended early: the upload can be continued")
        case .disk(let error): disk(error)
        }
    }
}
