import BlobNode
import HTTPServing
import HTTPTypes
import Hummingbird
import Metainfo
import NIOCore
import OCI
import Origin
import Registry
import RegistryAccess
import Swarm
import Text
import Threads

/// Blobs at the paths that Kraken uses, at any origin: `/namespace/NAME/blobs/DIGEST`, and its torrent at `/metainfo`
/// below that.
struct KrakenBlobCalls: Sendable {
    let index: any OCIIndex
    let reads: BlobReads
    /// Announce URLs, for torrents.
    let trackers: [String]
    /// How swarms are found.
    let swarms: SwarmTerms

    func respond(to request: Request, _ context: ServiceContext) async -> Response {
        guard let path = KrakenBlobPath(request.uri.path) else {
            return .text("that is no path of a blob\n", status: .badRequest)
        }
        guard context.may(RegistryRoles.pull), context.sees(path.name) else {
            return .text(ServiceContext.unseenText(path.name) + "\n", status: .forbidden)
        }
        do throws(OCIError) {
            guard try await index.hasBlob(path.digest, in: path.name) else {
                return .text(RegistryText.noBlob(path.digest) + "\n", status: .notFound)
            }
        } catch {
            return .text(error.message + "\n", status: HTTPResponse.Status(code: error.status))
        }
        if path.isMetainfo { return await torrent(path, context) }
        let wish = BlobReads.Wish(
            digest: path.digest, head: request.head, headers: [.contentType: "application/octet-stream"],
            name: path.name, patience: 0)
        return response(await reads.answer(wish, in: context), path.digest)
    }

    private func response(_ answer: BlobReads.Answer, _ digest: BlobDigest) -> Response {
        switch answer {
        case .response(let response): return response
        case .missing: return .text(RegistryText.noBlob(digest) + "\n", status: .notFound)
        case .refused(let error):
            var response = Response.text(error.message + "\n", status: HTTPResponse.Status(code: error.status))
            response.headers[.retryAfter] = RequestPlace.retryAfter
            return response
        case .cold(let answer):
            return ColdAnswers.response(answer, digest)
                ?? .text(RegistryText.noBlob(digest) + "\n", status: .notFound)
        }
    }

    private func torrent(_ path: KrakenBlobPath, _ context: ServiceContext) async -> Response {
        let info: Info
        switch await reads.info(of: path.digest, in: path.name, context) {
        case .info(let found): info = found
        case .none(let answer): return response(answer, path.digest)
        }
        let torrent = Torrent(info: info, trackers: trackers.map { [$0] })
        if reads.node.catalogue.entry(of: path.digest.sha256) != nil {
            // Idle blobs are not announced to trackers. A client that asks for the torrent asks the tracker next, and
            // must find this origin there. Under a NAME that is not open, only clients with the registry's secret find
            // the swarm.
            let options = reads.node.options(of: path.digest.sha256, isOpen: swarms.isOpen(path.name))
            _ = await reads.node.swarm.announce(torrent, options: options)
        }
        return Response(
            status: .ok, headers: [.contentType: "application/x-bittorrent"],
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: torrent.encode())))
    }
}

/// The path `/namespace/NAME/blobs/DIGEST`, with or without `/metainfo`. Slashes in NAME may be percent-encoded, and
/// DIGEST may lack `sha256:`.
struct KrakenBlobPath: Hashable, Sendable {
    let name: ContentName
    let digest: BlobDigest
    let isMetainfo: Bool

    init?(_ path: String) {
        let parts = path.split(separator: "/").map(String.init)
        isMetainfo = parts.last == "metainfo"
        let rest = Array(isMetainfo ? parts.dropLast() : parts[...])
        guard rest.count >= 4, rest[0] == "namespace", rest[rest.count - 2] == "blobs",
            let name = PercentEncoding.decode(rest[1..<(rest.count - 2)].joined(separator: "/"))
                .flatMap({ ContentName($0) }),
            let text = PercentEncoding.decode(rest[rest.count - 1]),
            let digest = BlobDigest(text) ?? BlobDigest("sha256:" + text)
        else { return nil }
        self.name = name
        self.digest = digest
    }
}
