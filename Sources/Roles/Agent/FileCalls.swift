import HTTPServing
import HTTPTypes
import Hummingbird
import OCI
import Registry
import RegistryAccess
import RegistryClient
import Text

/// `GET /v1/files/NAME:TAG/PATH`: a file of a tag, whole or in ranges. Sends its first bytes while the rest still
/// arrives.
struct FileCalls: Sendable {
    let answer: BlobAnswer

    func respond(to request: Request, _ context: ServiceContext) async -> Response {
        guard let (reference, path) = Self.parse(request.uri.path) else {
            return Problem.response(.badRequest, "BAD_PATH", "that is no /v1/files/NAME:TAG/PATH")
        }
        guard context.sees(reference.name) else {
            return Problem.response(.forbidden, "REFUSED", ServiceContext.unseenText(reference.name))
        }
        do throws(AgentError) {
            let content = try await answer.agent.resolve(reference)
            guard let blob = content.file(path) else {
                return Problem.response(.notFound, "NO_FILE", "\(reference) has no file \(path.shownInText)")
            }
            let headers: HTTPFields = [.contentType: "application/octet-stream"]
            let response = try await answer.response(
                blob, of: reference.name, to: request.head, headers: headers, in: context)
            return response.map(Self.explained)
                ?? AgentProblem.response(.registry(.unknown(RegistryText.noBlob(blob.digest))))
        } catch {
            return AgentProblem.response(error)
        }
    }

    /// Refusals of all doors have no more than a status. Below `/v1` errors say what they are.
    private static func explained(_ response: Response) -> Response {
        let problem: Response
        switch response.status {
        case .rangeNotSatisfiable:
            problem = Problem.response(.rangeNotSatisfiable, "RANGE", "the range begins behind the file's end")
        case .tooManyRequests:
            problem = Problem.response(.tooManyRequests, "BUSY", "too many answers are under way to this address")
        default: return response
        }
        var explained = problem
        for name in [HTTPField.Name.contentRange, .retryAfter] { explained.headers[name] = response.headers[name] }
        return explained
    }

    /// Splits the path of a request. Names have no colon, so the reference ends with the first component that has one.
    static func parse(_ path: String) -> (Reference, path: String)? {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false).dropFirst(3)
            .map { PercentEncoding.decode($0) }
        guard let end = parts.firstIndex(where: { $0?.contains(":") ?? false }), end + 1 < parts.count else {
            return nil
        }
        let known = parts.compactMap { $0 }
        guard known.count == parts.count, let reference = Reference(known[...end].joined(separator: "/")) else {
            return nil
        }
        return (reference, known[(end + 1)...].joined(separator: "/"))
    }
}

extension ResolvedContent {
    /// The blob of the file at a path. If the content is a single blob without a manifest, every path stands for it.
    func file(_ path: String) -> Blob? {
        guard let manifest = manifests[digest] else { return blobs[digest] }
        let layer = manifest.layers.first { $0.annotations[FilesManifest.titleKey] == path }
        return layer.flatMap { blobs[$0.digest] }
    }
}

extension String {
    var shownInText: String { DisplayName.escape(String(prefix(200))) }
}

/// Responses for errors of an agent.
enum AgentProblem {
    /// For the routes below `/v1`.
    static func response(_ error: AgentError) -> Response {
        if error.isUnknown { return Problem.response(.notFound, "UNKNOWN", error.description) }
        if error.isLackOfRoom {
            return Problem.response(
                .init(code: 507), "NO_SPACE", error.description,
                advice: "Free space on the disk, or let the cache have more of it.")
        }
        var response = Problem.response(.serviceUnavailable, "NO_SOURCE", error.description)
        response.headers[.retryAfter] = "5"
        return response
    }

    /// For the paths that Kraken uses.
    static func text(_ error: AgentError) -> Response {
        let text = error.description + "\n"
        if error.isUnknown { return .text(text, status: .notFound) }
        if error.isLackOfRoom { return .text(text, status: .init(code: 507)) }
        var response = Response.text(text, status: .serviceUnavailable)
        response.headers[.retryAfter] = "5"
        return response
    }
}
