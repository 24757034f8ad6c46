import BlobNode
import ColdStore
import HTTPServing
import HTTPTypes
import Hummingbird
import JSON
import OCI
import Registry
import RegistryAccess
import Threads
import Upkeep

/// The state of an origin's disk, and requests to verify blobs: `/v1/origin`, `/v1/scrub`, `/v1/blobs/DIGEST/doubts`.
package struct UpkeepCalls: Sendable {
    private let node: BlobNode
    private let cold: ColdStore?
    private let upkeep: OriginUpkeep?

    package init(node: BlobNode, cold: ColdStore?, upkeep: OriginUpkeep?) {
        self.node = node
        self.cold = cold
        self.upkeep = upkeep
    }

    private static let mostListed = 100

    package var routes: [Route] {
        [
            Route(.get, "/v1/origin", "The disk, and blobs to write back", access: .role(RegistryRoles.pull)) { _, _ in
                await status()
            },
            Route(
                .post, "/v1/scrub", "Verify all blobs against their digests", answers: [.init(202, "under way")],
                access: .role(RegistryRoles.admin)
            ) { _, _ in
                guard let upkeep else { return Self.nothing }
                await upkeep.scrubber.scrubAll()
                return .json(Self.json(await upkeep.scrubber.status(), node), status: .accepted)
            },
            Route(.get, "/v1/scrub", "Progress and findings of verification", access: .role(RegistryRoles.pull)) {
                _, _ in
                guard let upkeep else { return Self.nothing }
                return .json(Self.json(await upkeep.scrubber.status(), node))
            },
            Route(
                .post, "/v1/blobs/{digest}/doubts", "Report a corrupt piece of a blob", body: "Doubt",
                answers: [.init(202, "it will be verified"), .init(404, "no such blob", schema: "Problem")],
                access: .role(RegistryRoles.pull)
            ) { await doubt($0, $1) },
        ]
    }

    private static var nothing: Response {
        Problem.response(.notFound, "NO_SCRUB", "this origin does not verify its blobs")
    }

    /// An agent reports that it received a corrupt piece from this origin. The origin verifies its own copy; the report
    /// has no other effect, so a false one only costs a read.
    private func doubt(_ request: Request, _ context: ServiceContext) async -> Response {
        guard let digest = context.parameters.get("digest")?.percentDecoded.flatMap({ BlobDigest($0) }) else {
            return Problem.response(.badRequest, "BAD_DIGEST", "that is no digest")
        }
        var limits = HTTPLimits()
        limits.bodyBytes = 4 << 10
        guard case .success(let bytes) = await RequestBytes.collect(request, limits: limits) else {
            return Problem.response(.badRequest, "BAD_BODY", "the body is {\"piece\": N} or empty")
        }
        var piece: Int?
        if case .integer(let number)? = (try? JSONValue.parse(bytes))?["piece"] { piece = Int(exactly: number) }
        guard let upkeep else { return Self.nothing }
        // A caller who may see only some names learns nothing of the blobs of others, and costs no more than a piece.
        if context.caller?.scope != nil {
            guard let piece else { return Problem.response(.badRequest, "BAD_BODY", "the body is {\"piece\": N}") }
            await upkeep.scrubber.doubt(digest.sha256, piece: piece)
            return Response(status: .accepted)
        }
        guard await upkeep.scrubber.doubt(digest.sha256, piece: piece) else {
            return Problem.response(.notFound, "BLOB_UNKNOWN", RegistryText.noBlob(digest))
        }
        return Response(status: .accepted)
    }

    private func status() async -> Response {
        let figures = node.catalogue.figures
        var object: JSONObject = [
            "blobs": .integer(Int64(figures.blobs)), "bytes": .integer(figures.bytes),
            "sentBytes": .integer(node.swarm.sentBytes),
        ]
        if let upkeep {
            if let use = await Threads.offload({ upkeep.space.measure() }) {
                object["disk"] = .object([
                    "capacity": .integer(use.capacity), "free": .integer(use.free),
                    "full": .bool(upkeep.space.rules.refuses(use)),
                ])
            }
            object["scrub"] = Self.json(await upkeep.scrubber.status(), node)
        }
        if let cold, let queue = try? await cold.writeBack.figures() {
            object["writeBack"] = .object([
                "tasks": .integer(Int64(queue.tasks)),
                "oldestSeconds": queue.oldest.map { .integer(Int64(max(0, Clocks.wallSeconds - $0))) } ?? .null,
            ])
        }
        return .json(.object(object))
    }

    private static func json(_ figures: ScrubFigures, _ node: BlobNode) -> JSONValue {
        let bad = node.catalogue.badBlobs.sorted { $0.key < $1.key }
        return .object([
            "blobs": .integer(Int64(figures.blobs)), "bytes": .integer(figures.bytes),
            "bad": .integer(Int64(figures.bad)), "mended": .integer(Int64(figures.mended)),
            "left": .integer(Int64(figures.left)),
            "oldest": figures.oldest.map { .integer(Int64($0)) } ?? .null,
            "broken": .array(
                bad.prefix(mostListed).map { digest, pieces in
                    .object([
                        "digest": .string("sha256:\(digest)"), "pieces": .integer(Int64(pieces.count)),
                    ])
                }),
        ])
    }
}
