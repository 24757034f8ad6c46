import BlobNode
import Blobs
import Hashing
import Logging
import OCI
import Registry
import Synchronization
import Threads

/// Passes pushes on to other origins as they come, and sees to it that enough of them have a blob before its sender hears that it
/// is kept.
package final class Copies: Sendable {
    private let watch: ClusterWatch
    private let peers: OriginPeers
    private let node: BlobNode
    private let tasks: BackendTasks
    private let repair: Repair
    private let patience: Double
    private let logger: Logger
    private let relays = Mutex<[String: (relay: UploadRelay, begunAt: Double)]>([:])

    /// Uploads that are passed on at a time. One more is sent from its file at its end.
    private static let mostRelays = 4_096
    /// Seconds after which one may be given up for another upload.
    private static let relayAge = 3_600.0
    /// Seconds between two tries to find an origin for a copy.
    private static let pause = 0.3

    init(
        watch: ClusterWatch, peers: OriginPeers, node: BlobNode, tasks: BackendTasks, repair: Repair, patience: Double,
        logger: Logger
    ) {
        self.watch = watch
        self.peers = peers
        self.node = node
        self.tasks = tasks
        self.repair = repair
        self.patience = patience
        self.logger = logger
    }

    // MARK: As it comes

    /// Where the bytes of a request go beside this origin.
    /// - Parameters:
    ///   - via: for an upload that another origin passes on to here: those that have it or get it otherwise; nil for one that
    ///     this origin is not to pass on.
    func tap(_ part: UploadPart, size: Int64? = nil, from via: Origin) -> (any UploadTap)? {
        if let relay = relays.withLock({ $0[part.id]?.relay }) { return relay.tap(at: part.offset) }
        guard part.offset == 0, let place = place(for: part, size: size, from: via) else { return nil }
        let relay = UploadRelay(place, peers: peers)
        let isNew = relays.withLock { relays in
            let now = Clocks.steadySeconds
            if relays.count >= Self.mostRelays { relays = relays.filter { now - $0.value.begunAt < Self.relayAge } }
            guard relays.count < Self.mostRelays else { return false }
            relays[part.id] = (relay, now)
            return true
        }
        return isNew ? relay.tap(at: 0) : nil
    }

    /// Where an upload comes from.
    enum Origin: Sendable, Hashable {
        case client
        /// Another origin, with the origins that have it or get it otherwise; nil where it is not to be passed on.
        case origin(via: [String]?)
    }

    private func place(for part: UploadPart, size: Int64?, from origin: Origin) -> UploadPlace? {
        let placement = watch.placement
        var via: [String] = []
        if case .origin(let others) = origin {
            guard let others else { return nil }
            via = others
        }
        guard let next = placement.next(part.digest, seed: Array(part.id.utf8), without: Set(via)) else { return nil }
        var place = UploadPlace(host: next, id: BlobUpload.newID(), digest: part.digest, size: size)
        // Who owns nothing of it leaves the second copy to the first owner.
        if origin == .client, let digest = part.digest, let own = placement.own, placement.rank(for: digest) == nil {
            place.via = [own]
        }
        return place
    }

    /// An upload has ended without a blob.
    func dropped(_ id: String) async { await takeRelay(id)?.cancel() }

    private func takeRelay(_ id: String) -> UploadRelay? { relays.withLock { $0.removeValue(forKey: id)?.relay } }

    // MARK: At its end

    /// A blob is whole and durable here. Returns when it is so at enough origins.
    func settle(_ blob: FinishedBlob, id: String, name: ContentName) async throws(OCIError) {
        let digest = BlobDigest(blob.digest)
        var hosts = try await keep(blob, id: id, name: name)
        let end = Clocks.steadySeconds + patience
        var tried: Set<String> = []
        while true {
            let placement = watch.placement
            if placement.isSafe(digest, at: hosts) { break }
            let next = placement.takers(of: digest).first {
                $0 != placement.own && !hosts.contains($0) && !tried.contains($0)
            }
            if let next {
                let more = await copy(digest, to: next, name: name)
                if more.isEmpty { tried.insert(next) } else { hosts.formUnion(more) }
                continue
            }
            guard Clocks.steadySeconds < end else {
                logger.warning("a push has too few copies", metadata: ["blob": "\(digest)"])
                throw OCIError(503, .tooManyRequests, "no second origin takes the blob now: try again")
            }
            tried = []
            do { try await Task.sleep(for: .seconds(Self.pause)) } catch {
                throw OCIError(503, .tooManyRequests, "the registry stops: try again")
            }
        }
        // The other owners take it by the swarm.
        await repair.mark(digest)
    }

    /// The same of a blob that another origin passed on to here.
    /// - Returns: the origins that have it.
    func settle(passedOn blob: FinishedBlob, id: String, name: ContentName) async throws(OCIError) -> [String] {
        let hosts = try await keep(blob, id: id, name: name)
        await repair.mark(BlobDigest(blob.digest))
        return hosts.sorted()
    }

    /// - Returns: this origin, and those that have it from here.
    private func keep(_ blob: FinishedBlob, id: String, name: ContentName) async throws(OCIError) -> Set<String> {
        let digest = BlobDigest(blob.digest)
        node.catalogue.add(blob.digest, blob.info, usedAt: Clocks.wallSeconds)
        try await tasks.add(digest, for: name)
        var hosts: Set<String> = []
        if let own = watch.placement.own { hosts.insert(own) }
        if let relay = takeRelay(id) {
            hosts.formUnion(await relay.finish(digest, length: blob.size, name: name))
        }
        return hosts
    }

    /// Sends a blob that is here to another origin, if it does not have it.
    /// - Returns: the origins that have it then.
    private func copy(_ digest: BlobDigest, to host: String, name: ContentName) async -> [String] {
        if (try? await peers.adopt(digest, for: name, at: host)) == true { return [host] }
        guard let file = await FileParts(digest.sha256, in: node.directory) else { return [] }
        let place = UploadPlace(host: host, id: BlobUpload.newID(), digest: digest, size: file.size)
        let channel = ByteChannel()
        let (peers, size) = (peers, file.size)
        let sending = Task { () -> Int64? in
            let length = try? await peers.send(channel, to: place, at: 0)
            channel.close()
            return length
        }
        let isSent = await file.send(to: channel)
        if isSent { channel.finish() } else { channel.close() }
        guard await sending.value == size, isSent, let hosts = try? await peers.finish(place, digest, name: name) else {
            await peers.cancel(place)
            return []
        }
        return hosts
    }
}
