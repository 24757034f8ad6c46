import HTTPServing
import HTTPTypes
import Hummingbird
import JSON
import NIOCore
import OCI
import Registry
import RegistryAccess
import Text

/// The routes of an index that origins call, below ``NameLink/root``.
package struct NameLinkCalls: Sendable {
    private typealias Call = @Sendable (LinkRequest) async throws(OCIError) -> Response

    private let index: any OCIIndex
    private let access: Route.Access

    package init(_ index: any OCIIndex, access: RegistryAccess) {
        self.index = index
        self.access = LinkAccess.route(access)
    }

    package var routes: [Route] {
        let index = index
        return [
            route(.get, "", "All names") { request async throws(OCIError) in
                let names = try await index.names(after: request.query("after"), limit: request.limit)
                return .json(NameLink.list("names", names.map(\.text)))
            },
            route(.get, "/{name+}/tags", "The tags of a name") { request async throws(OCIError) in
                let name = try request.name
                let tags = try await index.tags(of: name, after: request.query("after"), limit: request.limit)
                guard let tags else { throw OCIError(404, .nameUnknown, "nothing is known under the name \(name)") }
                return .json(NameLink.list("tags", tags.map(\.text)))
            },
            route(.delete, "/{name+}/tags/{tag}", "Delete a tag") { request async throws(OCIError) in
                let (name, tag) = (try request.name, try request.tag)
                guard try await index.removeTag(name, tag, by: request.author) else {
                    throw OCIError(404, .manifestUnknown, "no tag \(name):\(tag)")
                }
                return Response(status: .noContent)
            },
            route(.get, "/{name+}/manifests/{version}", "A manifest") { request async throws(OCIError) in
                try await Self.manifest(request, index)
            },
            route(.put, "/{name+}/manifests", "Store a manifest") { request async throws(OCIError) in
                let manifest = try await request.manifest()
                try await index.put(manifest, in: try request.name, tags: try request.tags, by: request.author)
                return Response(status: .created)
            },
            route(.delete, "/{name+}/manifests/{digest}", "Delete a manifest") { request async throws(OCIError) in
                let (name, digest) = (try request.name, try request.digest)
                guard try await index.removeManifest(name, digest, by: request.author) else {
                    throw OCIError(404, .manifestUnknown, "\(name) has no manifest \(digest)")
                }
                return Response(status: .noContent)
            },
            route(.get, "/{name+}/referrers/{digest}", "The referrers of a manifest") {
                request async throws(OCIError) in
                let list = try await index.referrerList(to: try request.digest, in: try request.name)
                return .json(.object(["manifests": .array(list.map(\.json))]))
            },
        ] + blobs
    }

    private var blobs: [Route] {
        let (index, path) = (index, "/{name+}/blobs/{digest}")
        return [
            route(.get, path, "Whether a name has a blob") { request async throws(OCIError) in
                let (name, digest) = (try request.name, try request.digest)
                guard try await index.hasBlob(digest, in: name) else { throw Self.noBlob(digest, name) }
                return Response(status: .noContent)
            },
            route(.put, path, "Link a blob to a name") { request async throws(OCIError) in
                try await index.addBlob(try request.digest, to: try request.name)
                return Response(status: .noContent)
            },
            route(.delete, path, "Unlink a blob from a name") { request async throws(OCIError) in
                let (name, digest) = (try request.name, try request.digest)
                guard try await index.removeBlob(digest, from: name) else { throw Self.noBlob(digest, name) }
                return Response(status: .noContent)
            },
        ]
    }

    private static func manifest(
        _ request: LinkRequest, _ index: any OCIIndex
    ) async throws(OCIError) -> Response {
        let (name, version) = (try request.name, try request.version)
        guard let manifest = try await index.manifest(name, version) else {
            throw OCIError(404, .manifestUnknown, "\(name) has no manifest \(version)")
        }
        return Response(
            status: .ok, headers: [.contentType: manifest.mediaType],
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: manifest.bytes)))
    }

    private static func noBlob(_ digest: BlobDigest, _ name: ContentName) -> OCIError {
        OCIError(404, .blobUnknown, "\(name) has no blob \(digest)")
    }

    private func route(
        _ method: HTTPRequest.Method, _ path: String, _ summary: String, _ call: @escaping Call
    ) -> Route {
        Route(method, NameLink.root + path, summary, access: access) { request, context in
            do throws(OCIError) {
                return try await call(LinkRequest(request: request, context: context))
            } catch {
                var response = OCIService.response(error)
                // The request's body may be unread, so the connection cannot be used again.
                if method == .put { response.headers[.connection] = "close" }
                return response
            }
        }
    }
}

/// The parameters and the body of a request to one of these routes.
private struct LinkRequest: Sendable {
    let request: Request
    let context: ServiceContext

    private static let mostLimit = 1_001

    private func value<V>(_ key: String, _ parse: (String) -> V?) throws(OCIError) -> V {
        guard let value = context.parameters.get(key).flatMap({ PercentEncoding.decode($0) }).flatMap(parse) else {
            throw OCIError(400, .unsupported, "the path has a malformed \(key)")
        }
        return value
    }

    var name: ContentName {
        get throws(OCIError) { try value("name") { ContentName($0) } }
    }
    var tag: Tag {
        get throws(OCIError) { try value("tag") { Tag($0) } }
    }
    var digest: BlobDigest {
        get throws(OCIError) { try value("digest") { BlobDigest($0) } }
    }
    var version: Reference.Version {
        get throws(OCIError) { try value("version") { Reference.Version($0) } }
    }

    func query(_ key: String) -> String? { request.uri.queryParameters[Substring(key)].map(String.init) }

    var limit: Int { query("limit").flatMap { Int($0) }.map { max(0, min($0, Self.mostLimit)) } ?? Self.mostLimit }
    var author: Author { NameLink.author(query("who"), query("address"), query("via")) }

    var tags: [Tag] {
        get throws(OCIError) {
            var tags: [Tag] = []
            for text in request.uri.queryParameters.getAll("tag") {
                guard let tag = Tag(text) else { throw OCIError(400, .manifestInvalid, "a tag is malformed") }
                tags.append(tag)
            }
            return tags
        }
    }

    func manifest() async throws(OCIError) -> Manifest {
        var limits = HTTPLimits()
        limits.bodyBytes = Manifest.mostBytes
        switch await RequestBytes.collect(request, limits: limits) {
        case .success(let bytes):
            do { return try Manifest(bytes, type: request.headers[.contentType]) } catch {
                throw OCIError(400, .manifestInvalid, error.description)
            }
        case .failure(let problem): throw OCIError(problem.status.code, .manifestInvalid, problem.text)
        }
    }
}
