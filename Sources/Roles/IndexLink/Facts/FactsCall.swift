import HTTPServing
import HTTPTypes
import Hummingbird
import JSON
import NameIndex
import OCI
import Registry
import RegistryAccess

/// `POST /v1/internal/facts` at an origin: an index asks about blobs. See ``FactsQuestion`` for the bodies.
package struct FactsCall: Sendable {
    private let here: any BlobFacts
    private let anywhere: any BlobFacts
    private let access: Route.Access

    /// - Parameters:
    ///   - here: knows the blobs on this host's disk.
    ///   - anywhere: also asks back ends.
    package init(here: any BlobFacts, anywhere: any BlobFacts, access: RegistryAccess) {
        self.here = here
        self.anywhere = anywhere
        self.access = LinkAccess.route(access)
    }

    package var route: Route {
        Route(.post, FactsQuestion.path, "Facts about blobs", access: access) { request, _ in
            var limits = HTTPLimits()
            limits.bodyBytes = FactsQuestion.mostBytes
            let parsed = JSONLimits(maxBytes: FactsQuestion.mostBytes, maxDepth: 4, maxValues: 60_000)
            guard case .success(let bytes) = await RequestBytes.collect(request, limits: limits),
                let question = (try? JSONValue.parse(bytes, limits: parsed)).flatMap({ FactsQuestion($0) })
            else {
                var refusal = Problem.response(.badRequest, "BAD_BODY", "the body is no question about blobs")
                refusal.headers[.connection] = "close"
                return refusal
            }
            do throws(BlobFactsError) {
                return .json(FactsAnswer.json(try await answer(question)))
            } catch {
                var response = Problem.response(
                    HTTPResponse.Status(code: error.status), error.code, error.description, advice: "Try again.")
                if error.status == 503 { response.headers[.retryAfter] = "1" }
                return response
            }
        }
    }

    private func answer(_ question: FactsQuestion) async throws(BlobFactsError) -> [BlobDigest: BlobFact] {
        let source = question.cold ? anywhere : here
        if question.touches || question.joining {
            return try await source.touch(question.digests, under: question.name, joining: question.joining)
                .mapValues { BlobFact(size: $0, infoHash: nil, infoSHA256: nil) }
        }
        return try await source.facts(
            of: question.digests, under: question.name, contents: question.contents ? FactsQuestion.mostContents : 0)
    }
}
