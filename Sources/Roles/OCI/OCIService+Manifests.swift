import HTTPServing
import HTTPTypes
import Hummingbird
import JSON
import NIOCore
import Registry

extension OCIService {
    func manifest(
        _ name: ContentName, _ version: Reference.Version, _ request: Request
    ) async throws(OCIError) -> Response {
        guard let manifest = try await index.manifest(name, version) else { throw Self.unknownManifest(name, version) }
        var headers: HTTPFields = [
            .contentType: manifest.mediaType, .contentLength: "\(manifest.bytes.count)",
            .eTag: "\"\(manifest.digest)\"",
        ]
        if let name = HTTPField.Name.contentDigest { headers[name] = manifest.digest.description }
        if request.headers[.ifNoneMatch] == "\"\(manifest.digest)\"" {
            headers[.contentLength] = nil
            return Response(status: .notModified, headers: headers)
        }
        guard request.method == .get else { return Response(status: .ok, headers: headers) }
        return Response(
            status: .ok, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: manifest.bytes)))
    }

    func put(
        _ name: ContentName, _ version: Reference.Version, _ request: Request, _ context: ServiceContext
    ) async throws(OCIError) -> Response {
        guard blobs.uploads != nil else {
            throw OCIError(405, .unsupported, "nothing is pushed here: push to the registry")
        }
        let bytes: [UInt8]
        switch await RequestBytes.collect(request, limits: limits) {
        case .success(let collected): bytes = collected
        case .failure(let problem): throw OCIError(problem.status.code, .manifestInvalid, problem.text)
        }
        let manifest: Manifest
        do {
            manifest = try Manifest(bytes, type: request.headers[.contentType])
        } catch .tooLarge(let limit) {
            throw OCIError(413, .manifestInvalid, ManifestError.tooLarge(limit: limit).description)
        } catch .unsupported(let algorithm) {
            throw OCIError(400, .unsupported, ManifestError.unsupported(algorithm).description)
        } catch {
            throw OCIError(400, .manifestInvalid, error.description)
        }
        let tags = try tags(of: request, version, manifest)
        try await index.put(manifest, in: name, tags: tags, by: Self.author(context, request))
        var response = Response(status: .created)
        response.headers[.location] = "/v2/\(name)/manifests/\(manifest.digest)"
        if let name = HTTPField.Name.contentDigest { response.headers[name] = manifest.digest.description }
        if case .digest = version, !tags.isEmpty, let name = HTTPField.Name("OCI-Tag") {
            response.headers[name] = tags.map(\.text).joined(separator: ", ")
        }
        if let subject = manifest.subject, let name = HTTPField.Name("OCI-Subject") {
            response.headers[name] = subject.digest.description
        }
        return response
    }

    /// The tags to put: the tag in the path, or for a digest in the path those of `?tag=`.
    private func tags(
        of request: Request, _ version: Reference.Version, _ manifest: Manifest
    ) throws(OCIError) -> [Tag] {
        switch version {
        case .tag(let tag): return [tag]
        case .digest(let digest):
            guard digest == manifest.digest else {
                throw OCIError(400, .digestInvalid, "the manifest has the digest \(manifest.digest)")
            }
            var tags: [Tag] = []
            for text in request.uri.queryParameters.getAll("tag") {
                guard let tag = Tag(text) else { throw OCIError(400, .manifestInvalid, "a tag is malformed") }
                tags.append(tag)
            }
            return tags
        }
    }

    func remove(
        _ name: ContentName, _ version: Reference.Version, _ context: ServiceContext
    ) async throws(OCIError) -> Response {
        let author = Self.author(context)
        let isGone =
            switch version {
            case .tag(let tag): try await index.removeTag(name, tag, by: author)
            case .digest(let digest): try await index.removeManifest(name, digest, by: author)
            }
        guard isGone else { throw Self.unknownManifest(name, version) }
        return Response(status: .accepted)
    }

    private static func unknownManifest(_ name: ContentName, _ version: Reference.Version) -> OCIError {
        switch version {
        case .tag(let tag): OCIError(404, .manifestUnknown, "no tag \(name):\(tag)")
        case .digest(let digest): OCIError(404, .manifestUnknown, "\(name) has no manifest \(digest)")
        }
    }
}
