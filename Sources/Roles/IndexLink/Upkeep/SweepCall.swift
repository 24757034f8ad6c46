import HTTPServing
import HTTPTransport
import HTTPTypes
import Hummingbird
import JSON
import NameIndex
import OCI
import RegistryAccess
import Upkeep

/// `POST /v1/internal/sweep` at an origin: an index has the origin remove blobs that no name refers to.
///
///     {"untouched since": MILLISECONDS, "dry": BOOL}     {"blobs", "bytes"}
package struct SweepCall: Sendable {
    static let path = "/v1/internal/sweep"

    private let sweep: BlobSweep
    private let access: Route.Access

    package init(_ sweep: BlobSweep, access: RegistryAccess) {
        self.sweep = sweep
        self.access = LinkAccess.route(access)
    }

    static func question(untouchedSince: Int64, dryRun: Bool) -> JSONValue {
        .object(["untouched since": .integer(untouchedSince), "dry": .bool(dryRun)])
    }

    package var route: Route {
        Route(.post, Self.path, "Remove blobs that no name has", access: access) { request, _ in
            var limits = HTTPLimits()
            limits.bodyBytes = 4 << 10
            guard case .success(let bytes) = await RequestBytes.collect(request, limits: limits),
                let question = try? JSONValue.parse(bytes), case .integer(let cutoff)? = question["untouched since"]
            else { return Problem.response(.badRequest, "BAD_BODY", "the body says no time") }
            do throws(UpkeepProblem) {
                let swept = try await sweep.run(
                    untouchedSince: Double(cutoff) / 1_000, dryRun: question["dry"]?.lenientFlag ?? true)
                return .json(.object(["blobs": .integer(Int64(swept.blobs)), "bytes": .integer(swept.bytes)]))
            } catch {
                return Problem.response(
                    .serviceUnavailable, "UNAVAILABLE", error.description, advice: "Try again.")
            }
        }
    }
}

extension RemoteFacts {
    /// Seconds that an origin has to respond: it goes through all of its blobs.
    private static let sweepPatience = 3_600.0

    package func sweep(untouchedSince: Int64, dryRun: Bool) async throws(BlobFactsError) -> SweptBlobs {
        let question = SweepCall.question(untouchedSince: untouchedSince, dryRun: dryRun)
        var (swept, silent, count) = (SweptBlobs(), BlobFactsError?.none, 0)
        for origin in await origins() {
            var call = HTTPPeers.Call(method: .POST, path: SweepCall.path)
            call.headers = ["Content-Type": "application/json"]
            call.body = question.encode()
            call.patience = Self.sweepPatience
            do throws(HTTPTransportError) {
                let answer = try await peers.ask(origin, call)
                guard answer.status == 200, let value = try? JSONValue.parse(answer.body),
                    case .integer(let blobs)? = value["blobs"], case .integer(let bytes)? = value["bytes"]
                else {
                    silent = BlobFactsError(
                        .unavailable, "origin \(origin.authority) answers with status \(answer.status)")
                    continue
                }
                swept.blobs += Int(max(0, min(blobs, 1 << 40)))
                swept.bytes += max(0, min(bytes, 1 << 56))
                count += 1
            } catch {
                silent = BlobFactsError(
                    .unavailable, "origin \(origin.authority) does not answer: \(error.description)")
            }
        }
        // Origins that did not respond are swept with the next daily collection.
        if count == 0, let silent { throw silent }
        return swept
    }
}
