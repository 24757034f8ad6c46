import BlobNode
import ColdStore
import HTTPServing
import HTTPTypes
import Hummingbird
import Metainfo
import NIOCore
import OCI
import Registry
import RegistryAccess
import Threads

/// Blobs at the paths that Kraken uses: `/namespace/NAME/blobs/DIGEST`, and its torrent at `/metainfo` below that.
struct BlobCalls: Sendable {
    let index: any OCIIndex
    let node: BlobNode
    /// Nil without back ends.
    let cold: ColdStore?
    /// Announce URLs, for torrents.
    let trackers: [String]
    /// How swarms are found.
    let swarms: SwarmTerms
    let here: LocalReads

    func respond(to request: Request, _ context: ServiceContext) async -> Response {
        let parts = request.uri.path.split(separator: "/").map(String.init)
        let isMetainfo = parts.last == "metainfo"
        let rest = Array(isMetainfo ? parts.dropLast() : parts[...])
        guard rest.count >= 4, rest[0] == "namespace", rest[rest.count - 2] == "blobs",
            let name = rest[1..<(rest.count - 2)].joined(separator: "/").percentDecoded
                .flatMap({ ContentName($0) }),
            let digest = Self.digest(rest[rest.count - 1])
        else { return .text("that is no path of a blob\n", status: .badRequest) }
        guard context.may(RegistryRoles.pull), context.sees(name) else {
            return .text(ServiceContext.unseenText(name) + "\n", status: .forbidden)
        }
        do throws(OCIError) {
            guard try await index.hasBlob(digest, in: name) else {
                return .text(RegistryText.noBlob(digest) + "\n", status: .notFound)
            }
        } catch {
            return .text(error.message + "\n", status: HTTPResponse.Status(code: error.status))
        }
        // The torrent is valid even while the blob on disk has corrupt pieces.
        if isMetainfo, node.catalogue.entryOfAny(digest.sha256)?.infoHash != nil {
            return await torrent(digest, of: name, SeenAddress(request, context))
        }
        if node.catalogue.entry(of: digest.sha256) == nil, let cold {
            do throws(OCIError) {
                if let response = try await arriving(digest, of: name, cold, isMetainfo, request, context) {
                    return response
                }
            } catch {
                return Self.refusal(error)
            }
            let answer = await cold.reads.answer(
                for: digest, of: name, wish: .size, patience: ColdAnswers.sizePatience)
            if let response = ColdAnswers.response(answer, digest) { return response }
        }
        guard node.catalogue.touch(digest.sha256, at: Clocks.wallSeconds) != nil else {
            return .text(RegistryText.noBlob(digest) + "\n", status: .notFound)
        }
        return isMetainfo
            ? await torrent(digest, of: name, SeenAddress(request, context)) : await content(digest, request, context)
    }

    /// Kraken's clients write digests in paths with and without `sha256:`.
    private static func digest(_ text: String) -> BlobDigest? {
        let text = text.percentDecoded ?? ""
        return BlobDigest(text) ?? BlobDigest("sha256:" + text)
    }

    /// Of a blob that comes from its back end piece by piece; nil for one that does not.
    private func arriving(
        _ digest: BlobDigest, of name: ContentName, _ cold: ColdStore, _ isMetainfo: Bool, _ request: Request,
        _ context: ServiceContext
    ) async throws(OCIError) -> Response? {
        guard isMetainfo else {
            return try await here.arriving(
                digest, of: name, from: cold.reads, to: request.head,
                headers: [.contentType: "application/octet-stream"], in: context)
        }
        guard let info = await cold.reads.torrent(of: digest, in: name, patience: ColdAnswers.sizePatience) else {
            return nil
        }
        return await torrent(info, of: name, SeenAddress(request, context))
    }

    private func torrent(_ digest: BlobDigest, of name: ContentName, _ seen: SeenAddress) async -> Response {
        let info = await Threads.offload { [node] in try? node.info(of: digest.sha256) }
        guard let info else { return .text("a blob without bytes has no torrent\n", status: .notFound) }
        return await torrent(info, of: name, seen)
    }

    private func torrent(_ info: BlobInfo, of name: ContentName, _ seen: SeenAddress) async -> Response {
        let torrent = Torrent(info: info.info, trackers: trackers.map { [seen.announce($0)] })
        let announced = Torrent(info: info.info, trackers: trackers.map { [seen.ownAnnounce($0)] })
        // Idle blobs are not announced to trackers. A client that asks for the torrent asks the tracker next, and must
        // find this origin there. Under a NAME that is not open, only clients with the registry's secret find the
        // swarm.
        let options = node.options(of: info.digest, isOpen: swarms.isOpen(name))
        _ = await node.swarm.announce(announced, options: options)
        return Response(
            status: .ok, headers: [.contentType: "application/x-bittorrent"],
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: torrent.encode())))
    }

    private func content(_ digest: BlobDigest, _ request: Request, _ context: ServiceContext) async -> Response {
        do throws(OCIError) {
            let headers: HTTPFields = [.contentType: "application/octet-stream"]
            return try await here.response(digest, to: request.head, headers: headers, in: context)
                ?? .text(RegistryText.noBlob(digest) + "\n", status: .notFound)
        } catch {
            return Self.refusal(error)
        }
    }

    private static func refusal(_ error: OCIError) -> Response {
        var response = Response.text(error.message + "\n", status: HTTPResponse.Status(code: error.status))
        response.headers[.retryAfter] = RequestPlace.retryAfter
        return response
    }
}
