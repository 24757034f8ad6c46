import Address
import Files
import Glibc
import Hashing
import Metainfo
import Registry
import RegistryClient
import RegistryTransfer
import Storage
import Swarm
import Synchronization
import Threads

/// Fetches blobs from a registry's swarm, for a pull on a host without an agent. Writes them directly to their
/// destination, and uploads to other peers meanwhile.
package struct SwarmSource: BlobSource {
    private let view: RegistryView
    private let swarm: SwarmNode
    private let options: TransferOptions
    private let name: ContentName
    private let content: ResolvedContent
    private let http: any BlobSource

    /// - Parameters:
    ///   - http: used for streams, for blobs that the registry does not list, and for names whose swarms need a secret
    ///     that this host does not have.
    ///   - patience: most seconds without a received byte; nil for a minute.
    package init(
        view: RegistryView, swarm: SwarmNode, name: ContentName, content: ResolvedContent, http: any BlobSource,
        patience: Double?
    ) {
        self.view = view
        self.swarm = swarm
        self.name = name
        self.content = content
        self.http = http
        var options = TransferOptions()
        options.timeout = .seconds(patience ?? 60)
        options.overwrite = true
        self.options = options
    }

    package func fetch(
        _ blob: WantedBlob, into file: HeldFile, progress: @escaping @Sendable (BlobProgress) -> Void
    ) async throws(PullError) {
        guard let known = content.blobs[blob.digest], known.size == blob.size, blob.size > 0 else {
            return try await http.fetch(blob, into: file, progress: progress)
        }
        if let bytes = known.content {
            try await Threads.offload { () throws(PullError) in
                try onDisk("write", "\(blob.digest)") { () throws(SystemError) in
                    try file.truncate(to: 0)
                    try file.layer.write(file.descriptor, bytes, at: 0)
                }
            }
            progress(.received(bytes.count))
            return progress(.here(blob.size))
        }
        let (torrent, peers): (Torrent, [PeerAddress])
        var options = options
        do {
            let now = Clocks.steadySeconds
            let cluster = try await view.parts(now: now)
            guard cluster.swarms.reaches(name) else {
                // The swarms need a secret that the registry does not tell this caller.
                return try await http.fetch(blob, into: file, progress: progress)
            }
            options.trackerSecret = cluster.swarms.secret
            options.swarmSecret = cluster.swarms.isOpen(name) ? nil : cluster.swarms.secret
            let info = try await view.info(of: known, in: name, now: now)
            let trackers = Rendezvous.order(cluster.trackers, for: info.infoHash.bytes)
            torrent = Torrent(info: info.info, trackers: [trackers])
            peers = cluster.owners(of: blob.digest).compactMap(\.peers)
        } catch let error as RegistryError {
            throw .registry(error)
        } catch let error as PullError {
            throw error
        } catch {
            throw .cancelled
        }
        try await transfer(torrent, from: peers, into: try Self.path(of: file), blob, options, progress)
    }

    package func stream(
        _ blob: WantedBlob, to write: @escaping @Sendable (UnsafeRawBufferPointer) throws(PullError) -> Void,
        progress: @escaping @Sendable (BlobProgress) -> Void
    ) async throws(PullError) {
        try await http.stream(blob, to: write, progress: progress)
    }

    /// The path of an open file, as the kernel has it: the engine needs a path.
    private static func path(of file: HeldFile) throws(PullError) -> String {
        var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX))
        let count = readlink("/proc/self/fd/\(file.descriptor)", &buffer, buffer.count)
        guard count > 0 else { throw .disk(StorageError(SystemError.current, "find", path: "a part of the pull")) }
        return String(decoding: buffer[..<count], as: UTF8.self)
    }

    private func transfer(
        _ torrent: Torrent, from peers: [PeerAddress], into path: String, _ blob: WantedBlob,
        _ given: TransferOptions, _ progress: @escaping @Sendable (BlobProgress) -> Void
    ) async throws(PullError) {
        var options = given.forBlob(blob.digest.sha256)
        options.staging = StagingPlace(contentPath: path, recordPath: path + ".record")
        options.extraPeers = peers
        options.onFalsePiece = { [view] in view.isMended($0, piece: $1, of: blob.digest) }
        let transfer: Transfer
        do {
            transfer = try await swarm.get(torrent: torrent, into: path, options: options)
        } catch {
            throw Self.error(error, blob)
        }
        let warning = Mutex<String?>(nil)
        // Reports received bytes during the transfer; those since its last report are added at the end.
        let watch = Task { [view] () -> Int64 in
            var before: Int64 = 0
            var alone = LonelyTransfer()
            while !Task.isCancelled {
                let status = await transfer.status()
                if alone.asks(peers: status.peers, now: Clocks.steadySeconds),
                    let cluster = try? await view.partsAnew(now: Clocks.steadySeconds)
                {
                    await transfer.addPeers(cluster.owners(of: blob.digest).compactMap(\.peers))
                }
                progress(.here(status.done))
                if status.downloaded > before { progress(.received(Int(clamping: status.downloaded - before))) }
                before = status.downloaded
                progress(.sources(peers: status.peers - status.givenPeers, origins: status.givenPeers))
                if let trouble = status.trouble(after: warning.withLock { $0 }) { progress(.waiting(trouble)) }
                try? await Task.sleep(for: .milliseconds(200))
            }
            return before
        }
        let outcome = await withTaskCancellationHandler {
            await Self.outcome(of: transfer) { text in warning.withLock { $0 = text } }
        } onCancel: {
            Task { await transfer.stop() }
        }
        watch.cancel()
        let (before, received) = (await watch.value, await transfer.status().downloaded)
        if received > before { progress(.received(Int(clamping: received - before))) }
        await transfer.stop()
        if let outcome { throw Task.isCancelled ? .cancelled : Self.error(outcome, blob) }
        await Threads.offload {
            let record = SystemPath(path + ".record")
            if let (directory, name) = try? HeldDirectory.holding(record) { try? directory.removeTree(name) }
        }
        progress(.here(blob.size))
    }

    private static func outcome(of transfer: Transfer, warn: @Sendable (String) -> Void) async -> TransferError? {
        for await event in transfer.events {
            switch event {
            case .complete: return nil
            case .failed(let error): return error
            case .warning(let text): warn(text)
            default: continue
            }
        }
        return TransferError(.other, "it was stopped", advice: "")
    }

    private static func error(_ error: any Error, _ blob: WantedBlob) -> PullError {
        guard let error = error as? TransferError else {
            return .registry(.refused(registry: "the swarm", status: 503, code: "", message: "\(error)"))
        }
        switch error.kind {
        case .notFound: return .registry(.unknown(RegistryText.noBlob(blob.digest)))
        case .disk: return .disk(StorageError(.io(EIO), "write", path: "\(blob.digest)", detail: error.message))
        default: return .registry(.refused(registry: "the swarm", status: 503, code: "", message: error.message))
        }
    }
}

/// When a transfer without any peer asks its registry again who has the content: a list of origins may be of a moment
/// when some of them had just been started.
package struct LonelyTransfer {
    private static let pause = 5.0

    /// Time of the last moment with a peer, or of the last question; seconds.
    private var since: Double?

    package init() {}

    /// - Parameters:
    ///   - peers: connected ones.
    ///   - now: seconds of a monotonic clock.
    package mutating func asks(peers: Int, now: Double) -> Bool {
        guard peers == 0, let since, now >= since else {
            since = now
            return false
        }
        guard now - since >= Self.pause else { return false }
        self.since = now
        return true
    }
}
