import HTTPServing
import HTTPTypes
import Hummingbird
import Metainfo
import Registry
import Threads

extension BlobReads {
    enum InfoAnswer: Sendable {
        case info(Info)
        /// The answer to give instead.
        case none(Answer)
    }

    /// The info dictionary of a blob's torrent, from this disk or from an origin that has the blob. If only the back
    /// end has it, this begins to read it from there.
    func info(of digest: BlobDigest, in name: ContentName, _ context: ServiceContext) async -> InfoAnswer {
        if let info = await here(digest) { return .info(info) }
        if node.catalogue.entry(of: digest.sha256) != nil { return .none(.missing) }
        for host in watch.placement.sources(of: digest) {
            guard let bytes = try? await peers.info(of: digest, at: host),
                let info = try? BlobInfo.parse(bytes, expecting: InfoExpectation(blob: digest.sha256))
            else { continue }
            return .info(info.info)
        }
        if let info = await arriving(digest, in: name) { return .info(info.info) }
        let head = HTTPRequest(method: .head, scheme: nil, authority: nil, path: nil)
        switch await answer(
            Wish(digest: digest, head: head, headers: [:], name: name, patience: Self.sizePatience), in: context)
        {
        case .response:
            if let info = await here(digest) { return .info(info) }
            return .none(.cold(.fetching(done: 0, total: nil)))
        case let other: return .none(other)
        }
    }

    /// The torrent of a blob that comes from its back end piece by piece, to the owner that reads it for all; nil for any other.
    func arriving(_ digest: BlobDigest, in name: ContentName) async -> BlobInfo? {
        guard cold != nil else { return nil }
        let placement = watch.placement
        for host in placement.takers(of: digest) {
            if host == placement.own { break }
            do throws(PeerProblem) {
                let bytes = try await peers.info(of: digest, arrivingUnder: name, at: host)
                return try? BlobInfo.parse(bytes, expecting: InfoExpectation(blob: digest.sha256))
            } catch {
                // The next owner reads it when this one is gone, and only then.
                guard case .silent = error else { return nil }
            }
        }
        return await arrivingHere(digest, in: name)
    }

    /// The same where this origin reads it.
    func arrivingHere(_ digest: BlobDigest, in name: ContentName) async -> BlobInfo? {
        await cold?.reads.torrent(of: digest, in: name, patience: Self.sizePatience)
    }

    /// Seconds to wait until the back end has answered whether it has the blob.
    private static let sizePatience = 10.0

    private func here(_ digest: BlobDigest) async -> Info? {
        guard node.catalogue.touch(digest.sha256, at: Clocks.wallSeconds) != nil else { return nil }
        return await Threads.offload { [node] in (try? node.info(of: digest.sha256))?.info }
    }
}
