import BlobNode
import ColdStore
import HTTPServing
import HTTPTypes
import Hummingbird
import JSON
import OCI
import Registry
import RegistryAccess
import TagIndex
import Text
import Threads

/// Answers everything that a pull needs to know in one request: `GET /v1/resolve/NAME:TAG` or `NAME@DIGEST`.
struct Resolution: Sendable {
    let index: any TagStore
    let node: BlobNode
    /// Nil where nothing has a back end.
    let cold: ColdStore?

    /// Blobs up to this size come along, and need no swarm.
    static let inlineBytes: Int64 = 64 << 10
    /// Bytes of blobs that come along in one answer, at most.
    private static let mostInline: Int64 = 8 << 20
    /// Manifests of an index, and indexes in it, at most.
    private static let mostManifests = 1_000

    func respond(to request: Request, _ context: ServiceContext) async -> Response {
        let prefix = "/v1/resolve/"
        let path = request.uri.path
        guard path.hasPrefix(prefix), let text = path.dropFirst(prefix.count).percentDecoded,
            let reference = Reference(text)
        else {
            return Problem.response(.badRequest, "BAD_REFERENCE", "that is no NAME:TAG and no NAME@DIGEST")
        }
        if let refusal = context.refusal(of: RegistryRoles.pull, with: reference.name) { return refusal }
        do throws(StoreProblem) {
            guard let digest = try await digest(of: reference) else { return try await unknown(reference) }
            let tag = "\"\(digest)\""
            if request.headers[.ifNoneMatch] == tag { return Response(status: .notModified, headers: [.eTag: tag]) }
            let answer: JSONValue
            switch try await self.answer(reference, digest) {
            case nil: return try await unknown(reference)
            case .wait(let response)?: return response
            case .ready(let value)?: answer = value
            }
            var response = Response.json(answer)
            response.headers[.eTag] = tag
            return response
        } catch {
            return Problem.response(error)
        }
    }

    private func digest(of reference: Reference) async throws(StoreProblem) -> BlobDigest? {
        switch reference.version {
        case .tag(let tag): try await index.digest(of: tag, in: reference.name)
        case .digest(let digest): digest
        }
    }

    private func unknown(_ reference: Reference) async throws(StoreProblem) -> Response {
        switch reference.version {
        case .tag(let tag):
            let newest = try await index.newestTag(of: reference.name)
            return Problem.response(
                .notFound, "TAG_UNKNOWN", RegistryText.noTag(reference.name, tag, newest: newest),
                advice: "Look at `swoop tags \(reference.name)`.")
        case .digest(let digest):
            return Problem.response(
                .notFound, "MANIFEST_UNKNOWN", "\(reference.name) has no manifest or blob \(digest)")
        }
    }

    private enum Answer {
        case ready(JSONValue)
        /// Some of it is still in its back end.
        case wait(Response)
    }

    /// Begins to read all blobs that are only in the back end, and waits for them for a while. Nil when all are here, or
    /// nowhere.
    private func fetch(_ blobs: [BlobDigest], of name: ContentName) async -> Response? {
        let missing = blobs.filter { node.catalogue.entry(of: $0.sha256) == nil }
        guard let cold, !missing.isEmpty else { return nil }
        for digest in missing { _ = await cold.reads.answer(for: digest, of: name, wish: .size, patience: 0) }
        let end = Clocks.steadySeconds + ColdAnswers.patience
        for digest in missing {
            let answer = await cold.reads.answer(
                for: digest, of: name, wish: .content, patience: max(0.1, end - Clocks.steadySeconds))
            guard let error = ColdAnswers.error(answer, digest) else { continue }
            var response = Problem.response(
                HTTPResponse.Status(code: error.status), Self.code(answer), error.message,
                advice: "Try again.")
            response.headers[.retryAfter] = "2"
            return response
        }
        return nil
    }

    /// A client goes on waiting for what is being read, and not for a back end that fails.
    private static func code(_ answer: ColdAnswer) -> String {
        if case .fetching = answer { "BLOB_COLD" } else { "BACKEND" }
    }

    /// Nil when the name has no such manifest and no such blob.
    private func answer(_ reference: Reference, _ digest: BlobDigest) async throws(StoreProblem) -> Answer? {
        var manifests: [Manifest] = []
        var blobs: [BlobDigest] = []
        var seen: Set<BlobDigest> = []
        if let top = try await index.manifest(digest, in: reference.name) {
            var waiting = [top]
            while let manifest = waiting.popLast(), manifests.count < Self.mostManifests {
                manifests.append(manifest)
                blobs += manifest.neededBlobs.map(\.digest).filter { seen.insert($0).inserted }
                for inner in manifest.neededManifests where seen.insert(inner.digest).inserted {
                    if let found = try await index.manifest(inner.digest, in: reference.name) { waiting.append(found) }
                }
            }
        } else if try await index.hasBlob(digest, in: reference.name) {
            blobs = [digest]
        } else {
            return nil
        }
        var object: JSONObject = ["name": .string(reference.name.text), "digest": .string(digest.description)]
        if case .tag(let tag) = reference.version { object["tag"] = .string(tag.text) }
        object["manifests"] = .array(
            manifests.map { manifest in
                .object([
                    "digest": .string(manifest.digest.description), "mediaType": .string(manifest.mediaType),
                    "content": .string(Base64.encode(manifest.bytes)),
                ])
            })
        if let response = await fetch(blobs, of: reference.name) { return .wait(response) }
        object["blobs"] = .array(await facts(of: blobs))
        return .ready(.object(object))
    }

    private func facts(of digests: [BlobDigest]) async -> [JSONValue] {
        await Threads.offload { [node] in
            var left = Self.mostInline
            return digests.map { digest in
                var object: JSONObject = ["digest": .string(digest.description)]
                guard let entry = node.catalogue.entry(of: digest.sha256) else { return .object(object) }
                object["size"] = .integer(entry.size)
                if let hash = entry.infoHash { object["infoHash"] = .string(hash.hex) }
                if let hash = entry.infoDigest { object["infoSHA256"] = .string(hash.hex) }
                if entry.size <= Self.inlineBytes, entry.size <= left,
                    let bytes = try? node.directory.open(digest.sha256)?.readAll(limit: Int(entry.size))
                {
                    left -= entry.size
                    object["content"] = .string(Base64.encode(bytes))
                }
                return .object(object)
            }
        }
    }
}
