import Admission
import HTTPServing
import HTTPTypes
import Hummingbird
import JSON
import Registry
import RegistryAccess
import Text

/// Answers requests under `/v2/`.
package struct OCIService: Sendable {
    let index: any OCIIndex
    let blobs: any OCIBlobs
    let admission: Admission
    let limits: HTTPLimits
    /// The registries that this host mirrors, such as `registry.example:15000`, besides the host to which a request is
    /// addressed.
    private let mirrors: @Sendable (String) async -> Bool

    package init(
        index: any OCIIndex, blobs: any OCIBlobs, admission: Admission, limits: HTTPLimits,
        mirrors: @escaping @Sendable (String) async -> Bool = { _ in false }
    ) {
        self.mirrors = mirrors
        self.index = index
        self.blobs = blobs
        self.admission = admission
        var limits = limits
        limits.bodyBytes = Manifest.mostBytes
        self.limits = limits
    }

    /// Adds the API's routes to a server's router.
    package func add(to router: Router<ServiceContext>) {
        for method in [HTTPRequest.Method.get, .head, .put, .post, .patch, .delete] {
            router.on("v2", method: method) { await respond(to: $0, $1) }
            router.on("v2/**", method: method) { await respond(to: $0, $1) }
        }
    }

    package func respond(to request: Request, _ context: ServiceContext) async -> Response {
        do throws(OCIError) {
            let path = try OCIPath(
                request.uri.path, allowsCapitals: Product.isOwn(userAgent: request.headers[.userAgent]))
            try require(Self.role(of: request.method, path), context)
            try await requireMirrored(request)
            if let name = path.name, !context.sees(name) {
                throw OCIError(403, .denied, ServiceContext.unseenText(name))
            }
            let answer = try await answer(request, context, path)
            guard answer.status == .rangeNotSatisfiable else { return answer }
            var refusal = Self.response(OCIError(416, .sizeInvalid, "the range begins behind the blob's end"))
            refusal.headers[.contentRange] = answer.headers[.contentRange]
            return refusal
        } catch {
            return Self.response(error)
        }
    }

    /// The specification has no conditions of changes. Who sends one relies on it.
    private func refuseConditions(_ request: Request) throws(OCIError) {
        guard request.headers[.ifMatch] != nil || request.headers[.ifNoneMatch] != nil else { return }
        throw OCIError(
            412, .unsupported,
            "If-Match and If-None-Match are not compared here: PUT or DELETE /v1/names/NAME/tags/TAG compares them")
    }

    private func answer(
        _ request: Request, _ context: ServiceContext, _ path: OCIPath
    ) async throws(OCIError) -> Response {
        switch (path, request.method) {
        case (.version, .get), (.version, .head): return Self.json(.object(JSONObject()))
        case (.catalog, .get): return try await catalog(request, context)
        case (.tags(let name), .get): return try await tags(of: name, request)
        case (.referrers(let name, let digest), .get): return try await referrers(to: digest, in: name, request)
        case (.blob(let name, let digest), .get), (.blob(let name, let digest), .head):
            return try await blob(digest, in: name, request, context)
        case (.blob(let name, let digest), .delete):
            guard try await index.removeBlob(digest, from: name) else { throw Self.unknownBlob(digest, name) }
            return Response(status: .accepted)
        case (.manifest(let name, let version), .get), (.manifest(let name, let version), .head):
            return try await manifest(name, version, request)
        case (.manifest(let name, let version), .put):
            try refuseConditions(request)
            return try await put(name, version, request, context)
        case (.manifest(let name, let version), .delete):
            try refuseConditions(request)
            return try await remove(name, version, context)
        case (.uploads(let name), .post): return try await beginUpload(to: name, request, context)
        case (.upload(let name, let id), .patch): return try await continueUpload(id, to: name, request, context)
        case (.upload(let name, let id), .put): return try await endUpload(id, to: name, request, context)
        case (.upload(let name, let id), .get): return try await uploadState(id, of: name)
        case (.upload(let name, let id), .delete): return try await cancelUpload(id, of: name)
        default: throw OCIError(405, .unsupported, "\(request.method) is not possible here")
        }
    }

    private static func role(of method: HTTPRequest.Method, _ path: OCIPath) -> Role {
        switch (method, path) {
        case (.get, .upload), (.head, .upload): RegistryRoles.push
        case (.get, _), (.head, _): RegistryRoles.pull
        case (.delete, .upload): RegistryRoles.push
        case (.delete, _): RegistryRoles.admin
        default: RegistryRoles.push
        }
    }

    private func require(_ role: Role, _ context: ServiceContext) throws(OCIError) {
        guard context.may(role) else {
            throw OCIError(403, .denied, "this token does not allow that: the role '\(role)' is needed")
        }
    }

    /// containerd sends a mirror the parameter `ns`, the registry whose content it wants. The answer 404 for any other
    /// registry makes containerd try the next host. Content of this registry must not be served for the same name of another
    /// one.
    private func requireMirrored(_ request: Request) async throws(OCIError) {
        guard let host = request.uri.queryParameters["ns"].map(String.init), host != request.head.authority else {
            return
        }
        if await mirrors(host) { return }
        throw OCIError(404, .nameUnknown, "nothing of \(DisplayName.escape(host)) is here")
    }

    // MARK: Lists

    private static let mostEntries = 1_000

    /// The parameters `n` and `last` of a list (OCI distribution specification, "Listing Tags").
    private func page(_ request: Request) throws(OCIError) -> (limit: Int, after: String?) {
        let parameters = request.uri.queryParameters
        var limit = Self.mostEntries
        if let text = parameters["n"] {
            guard let number = Int(text), number >= 0 else { throw OCIError(400, .unsupported, "n is a number") }
            limit = min(limit, number)
        }
        return (limit, parameters["last"].map(String.init))
    }

    private func list<Entry: CustomStringConvertible>(
        _ entries: [Entry], _ limit: Int, key: String, _ object: JSONObject, path: String
    ) -> Response {
        var object = object
        let shown = entries.prefix(limit)
        object[key] = .array(shown.map { .string($0.description) })
        var response = Self.json(.object(object))
        if entries.count > limit, limit > 0, let last = shown.last, let link = HTTPField.Name("Link") {
            let next = PercentEncoding.encode(last.description.utf8)
            response.headers[link] = "<\(path)?n=\(limit)&last=\(next)>; rel=\"next\""
        }
        return response
    }

    private func catalog(_ request: Request, _ context: ServiceContext) async throws(OCIError) -> Response {
        let (limit, after) = try page(request)
        let names =
            limit > 0
            ? try await context.seen(limit + 1, after: after) { after, limit throws(OCIError) in
                try await index.names(after: after, limit: limit)
            } : []
        return list(names, limit, key: "repositories", JSONObject(), path: "/v2/_catalog")
    }

    private func tags(of name: ContentName, _ request: Request) async throws(OCIError) -> Response {
        let (limit, after) = try page(request)
        guard let tags = try await index.tags(of: name, after: after, limit: limit + 1) else {
            throw OCIError(404, .nameUnknown, "nothing is known under the name \(name)")
        }
        return list(
            limit > 0 ? tags : [], limit, key: "tags", ["name": .string(name.text)], path: "/v2/\(name)/tags/list")
    }

    private func referrers(
        to digest: BlobDigest, in name: ContentName, _ request: Request
    ) async throws(OCIError) -> Response {
        var found = try await index.referrerList(to: digest, in: name)
        let wanted = request.uri.queryParameters["artifactType"].map(String.init)
        if let wanted { found = found.filter { $0.artifactType == wanted } }
        var response = Self.json(
            .object([
                "schemaVersion": .integer(2), "mediaType": .string(Manifest.indexType),
                "manifests": .array(found.map(\.json)),
            ]))
        response.headers[.contentType] = Manifest.indexType
        if wanted != nil, let name = HTTPField.Name("OCI-Filters-Applied") { response.headers[name] = "artifactType" }
        return response
    }

    // MARK: Answers

    static func json(_ value: JSONValue, status: HTTPResponse.Status = .ok) -> Response {
        var response = Response.json(value, status: status)
        response.headers[.contentType] = "application/json"
        if let name = HTTPField.Name("Docker-Distribution-API-Version") { response.headers[name] = "registry/2.0" }
        return response
    }

    /// An error response in the form of the OCI distribution API.
    package static func response(_ error: OCIError) -> Response {
        var response = json(error.json, status: HTTPResponse.Status(code: error.status))
        if error.code == .tooManyRequests || error.status == 503 {
            response.headers[.retryAfter] = RequestPlace.retryAfter
        }
        return response
    }

    /// The error response for a request that a middleware refuses.
    package static func refusal(_ status: HTTPResponse.Status, _ text: String) -> Response {
        let code: OCIError.Code =
            switch status {
            case .unauthorized: .unauthorized
            case .forbidden: .denied
            case .serviceUnavailable, .tooManyRequests: .tooManyRequests
            default: .unsupported
            }
        return response(OCIError(status.code, code, text))
    }

    /// The caller, for the history of tags.
    static func author(_ context: ServiceContext, _ request: Request? = nil) -> Author {
        let via = HTTPField.Name(ClusterPath.header).flatMap { request?.headers[$0] }
        return Author(name: context.caller?.name ?? "", address: context.remoteAddress, via: ClusterPath(via))
    }

    static func unknownBlob(_ digest: BlobDigest, _ name: ContentName) -> OCIError {
        OCIError(
            404, .blobUnknown, "\(name) has no blob \(digest)",
            detail: .object(["digest": .string(digest.description)]))
    }
}

extension HTTPField.Name {
    static var contentDigest: HTTPField.Name? { HTTPField.Name("Docker-Content-Digest") }
}
