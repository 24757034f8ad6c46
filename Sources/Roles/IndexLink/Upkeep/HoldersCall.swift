import HTTPServing
import HTTPTypes
import Hummingbird
import JSON
import NameIndex
import OCI
import Registry
import RegistryAccess

/// `POST /v1/internal/holders` at an index: before an origin removes blobs, it asks which of them names refer to. The
/// two questions, each with its answer:
///
///     {"digests": [DIGEST…]}             {"held": [DIGEST…]}
///     {"names of": DIGEST, "limit": N}   {"names": [NAME…]}
enum HoldersQuestion {
    static let path = "/v1/internal/holders"
    static let mostDigests = 10_000
    static let mostNames = 1_000
    static let mostBytes = 2 << 20
}

/// The index's side of the call.
package struct HoldersCall: Sendable {
    private let store: any TagStore
    private let access: Route.Access

    package init(_ store: any TagStore, access: RegistryAccess) {
        self.store = store
        self.access = LinkAccess.route(access)
    }

    package var route: Route {
        Route(.post, HoldersQuestion.path, "Which blobs some name has", access: access) { request, _ in
            var limits = HTTPLimits()
            limits.bodyBytes = HoldersQuestion.mostBytes
            let parsed = JSONLimits(maxBytes: HoldersQuestion.mostBytes, maxDepth: 4, maxValues: 20_000)
            guard case .success(let bytes) = await RequestBytes.collect(request, limits: limits),
                let question = try? JSONValue.parse(bytes, limits: parsed)
            else {
                var refusal = Problem.response(.badRequest, "BAD_BODY", "the body is no question about blobs")
                refusal.headers[.connection] = "close"
                return refusal
            }
            do throws(TagStoreError) {
                return try await answer(question)
            } catch {
                var response = Problem.response(
                    .serviceUnavailable, "UNAVAILABLE", "\(error)", advice: "Try again.")
                response.headers[.retryAfter] = "1"
                return response
            }
        }
    }

    private func answer(_ question: JSONValue) async throws(TagStoreError) -> Response {
        if let digest = question["names of"]?.stringValue.flatMap({ BlobDigest($0) }) {
            let limit = question["limit"]?.lenientInteger.flatMap { Int(exactly: $0) } ?? HoldersQuestion.mostNames
            let names = try await store.names(
                having: digest, limit: max(1, min(limit, HoldersQuestion.mostNames)))
            return .json(.object(["names": .array(names.map { .string($0.text) })]))
        }
        let digests = (question["digests"]?.arrayValue ?? []).compactMap { $0.stringValue.flatMap { BlobDigest($0) } }
        guard digests.count <= HoldersQuestion.mostDigests else {
            return Problem.response(.badRequest, "TOO_MANY", "too many digests")
        }
        let held = try await store.held(digests)
        return .json(.object(["held": .array(held.sorted().map { .string($0.description) })]))
    }
}
