import BlobNode
import Blobs
import Hashing
import Logging
import OCI
import Registry
import Synchronization
import Threads

/// Relays pushes to other origins as the bytes arrive. A push succeeds only after enough origins have the blob durably.
package final class Copies: Sendable {
    private let watch: ClusterWatch
    private let peers: OriginPeers
    private let node: BlobNode
    private let tasks: BackendTasks
    private let repair: Repair
    private let patience: Double
    private let relayPatience: Double
    private let logger: Logger
    private let relays = Mutex<[String: (relay: UploadRelay, begunAt: Double)]>([:])

    /// Most uploads relayed at a time. Any further upload is copied from its file when it is complete.
    private static let mostRelays = 4_096
    /// Age in seconds at which a relay may be dropped to make place for another.
    private static let relayAge = 3_600.0
    /// Seconds between two tries to find an origin for a copy.
    private static let pause = 0.3

    init(
        watch: ClusterWatch, peers: OriginPeers, node: BlobNode, tasks: BackendTasks, repair: Repair,
        settings: ClusterSettings, logger: Logger
    ) {
        self.watch = watch
        self.peers = peers
        self.node = node
        self.tasks = tasks
        self.repair = repair
        patience = settings.copyPatience
        relayPatience = settings.relayPatience
        self.logger = logger
    }

    // MARK: During an upload

    /// The tap through which the bytes of a request also go to another origin; nil for a request that is not relayed.
    func tap(_ part: UploadPart, size: Int64? = nil, from via: Origin) -> (any UploadTap)? {
        if let relay = relays.withLock({ $0[part.id]?.relay }) { return relay.tap(at: part.offset) }
        guard part.offset == 0, let place = place(for: part, size: size, from: via) else { return nil }
        let relay = UploadRelay(place, peers: peers, watch: watch, patience: relayPatience)
        let isNew = relays.withLock { relays in
            let now = Clocks.steadySeconds
            if relays.count >= Self.mostRelays { relays = relays.filter { now - $0.value.begunAt < Self.relayAge } }
            guard relays.count < Self.mostRelays else { return false }
            relays[part.id] = (relay, now)
            return true
        }
        return isNew ? relay.tap(at: 0) : nil
    }

    /// The sender of an upload.
    enum Origin: Sendable, Hashable {
        case client
        /// Another origin. `via` lists the origins that have the bytes or get them from elsewhere; nil if the upload
        /// must not be relayed further.
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
        // If this origin does not own the blob, it relays to the first owner, which relays to the second.
        if origin == .client, let digest = part.digest, let own = placement.own, placement.rank(for: digest) == nil {
            place.via = [own]
        }
        return place
    }

    /// Ends the relay of an upload that ended without a blob.
    func dropped(_ id: String) async { await takeRelay(id)?.cancel() }

    private func takeRelay(_ id: String) -> UploadRelay? { relays.withLock { $0.removeValue(forKey: id)?.relay } }

    // MARK: After an upload

    /// Completes a push. The blob is whole and durable here; returns when it is durable at enough origins. Throws 503
    /// if that takes longer than `patience` seconds.
    func settle(_ blob: FinishedBlob, id: String, name: ContentName) async throws(OCIError) {
        let digest = BlobDigest(blob.digest)
        var (hosts, failed) = try await keep(blob, id: id, name: name)
        let end = Clocks.steadySeconds + patience
        // After a relay that failed, another origin is tried first.
        var (tried, full): (Set<String>, Set<String>) = (failed, [])
        while true {
            let placement = watch.placement
            if placement.isSafe(digest, at: hosts) { break }
            let next = placement.takers(of: digest).first {
                $0 != placement.own && !hosts.contains($0) && !tried.contains($0)
            }
            if let next {
                switch await copy(digest, to: next, name: name) {
                case .at(let more): hosts.formUnion(more)
                case .full: full.insert(next)
                case .failed: break
                }
                tried.insert(next)
                continue
            }
            let others = placement.takers(of: digest).filter { $0 != placement.own && !hosts.contains($0) }
            if !others.isEmpty, full.isSuperset(of: others) {
                throw OCIError(507, .denied, "no space is left at the other origins")
            }
            guard Clocks.steadySeconds < end else {
                logger.warning("a push has too few copies", metadata: ["blob": "\(digest)"])
                throw OCIError(503, .unavailable, "no second origin takes the blob now: try again")
            }
            (tried, full) = ([], [])
            do { try await Task.sleep(for: .seconds(Self.pause)) } catch {
                throw OCIError(503, .unavailable, "the registry stops: try again")
            }
        }
        // The remaining owners copy the blob by the swarm.
        let placement = watch.placement
        let isListed = placement.own.map { placement.hosts.contains($0) } ?? false
        await repair.mark(digest, isPassedOn: !placement.hosts.isEmpty && !isListed)
    }

    /// Whether a blob that a name is about to get by a mount is durable at enough origins, as after a push. Copies it from
    /// this disk where it is not. True for a blob that no origin has: its back end does.
    func isSafe(_ digest: BlobDigest, for name: ContentName) async -> Bool {
        let placement = watch.placement
        let isHere = node.catalogue.entry(of: digest.sha256) != nil
        var hosts: Set<String> = []
        if isHere, let own = placement.own { hosts.insert(own) }
        for host in placement.takers(of: digest) where host != placement.own {
            if placement.isSafe(digest, at: hosts) { break }
            if isHere {
                if case .at(let more) = await copy(digest, to: host, name: name) { hosts.formUnion(more) }
            } else if await adopts(digest, at: host, name: name) {
                hosts.insert(host)
            }
        }
        return hosts.isEmpty || placement.isSafe(digest, at: hosts)
    }

    /// Completes an upload that another origin relayed to this one, and which that origin makes safe.
    /// - Returns: the origins that have the blob durably.
    func settle(passedOn blob: FinishedBlob, id: String, name: ContentName) async throws(OCIError) -> [String] {
        let (hosts, _) = try await keep(blob, id: id, name: name)
        await repair.mark(BlobDigest(blob.digest))
        return hosts.sorted()
    }

    /// Adds the blob to the catalogue, makes its back end task durable, and finishes its relay.
    /// - Returns: this origin and the origins that got the blob by the relay; and the origin whose relay failed.
    private func keep(
        _ blob: FinishedBlob, id: String, name: ContentName
    ) async throws(OCIError) -> (hosts: Set<String>, failed: Set<String>) {
        let digest = BlobDigest(blob.digest)
        node.catalogue.add(blob.digest, blob.info, usedAt: Clocks.wallSeconds)
        try await tasks.add(digest, for: name)
        var hosts: Set<String> = []
        if let own = watch.placement.own { hosts.insert(own) }
        var failed: Set<String> = []
        if let relay = takeRelay(id) {
            let more = await relay.finish(digest, length: blob.size, name: name)
            if more.isEmpty { failed = [relay.place.host] }
            hosts.formUnion(more)
        }
        return (hosts, failed)
    }

    private enum Copied {
        /// These origins have the blob durably.
        case at([String])
        /// The other origin has no room.
        case full
        case failed
    }

    /// Whether an origin has a blob, and makes its back end task.
    private func adopts(_ digest: BlobDigest, at host: String, name: ContentName) async -> Bool {
        await watch.whileUp(host) { [peers] in (try? await peers.adopt(digest, for: name, at: host)) ?? false }
    }

    /// Sends a blob from this disk to another origin, unless that has it already.
    private func copy(_ digest: BlobDigest, to host: String, name: ContentName) async -> Copied {
        if await adopts(digest, at: host, name: name) { return .at([host]) }
        guard let file = await FileParts(digest.sha256, in: node.directory) else { return .failed }
        let place = UploadPlace(host: host, id: BlobUpload.newID(), digest: digest, size: file.size)
        let stream = UploadStream(to: place, at: 0, peers: peers, watch: watch, patience: .seconds(relayPatience))
        let isSent = await file.send(to: stream.channel)
        if isSent { stream.channel.finish() } else { stream.channel.close() }
        let sent = await stream.end()
        if sent == .success(file.size), isSent {
            let hosts = await watch.whileUp(host) { [peers] in try? await peers.finish(place, digest, name: name) }
            if let hosts { return .at(hosts) }
        }
        await watch.whileUp(host) { [peers] in await peers.cancel(place) }
        return if case .failure(.status(507)) = sent { .full } else { .failed }
    }
}
