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

    /// Seconds to wait until the back end has answered whether it has the blob.
    private static let sizePatience = 10.0

    private func here(_ digest: BlobDigest) async -> Info? {
        guard node.catalogue.touch(digest.sha256, at: Clocks.wallSeconds) != nil else { return nil }
        return await Threads.offload { [node] in (try? node.info(of: digest.sha256))?.info }
    }
}
