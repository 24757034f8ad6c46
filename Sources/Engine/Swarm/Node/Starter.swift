import Address
import Glibc
import Hashing
import Logging
import Metainfo
import Reactor
import Storage
import SwarmCore
import Threads
import Tracking

/// Starts a transfer: checks the data on disk on worker threads, then creates the engine on the loop.
struct Starter: Sendable {
    let node: SwarmNode
    let context: LoopBound<EngineContext>
    let options: TransferOptions
    let transfer: Transfer

    init(node: SwarmNode, context: LoopBound<EngineContext>, options: TransferOptions, transfer: Transfer) {
        self.node = node
        self.context = context
        self.options = options
        self.transfer = transfer
    }

    fileprivate struct Found: Sendable {
        let home: ContentHome
        let have: PieceSet
        let wanted: PieceSet
        let isComplete: Bool
        /// The torrent, if it differs from the requested one: with layers computed from the content.
        var torrent: Torrent?
    }

    // MARK: Serving

    func seed(_ torrent: Torrent, path: String) {
        begin(torrent, extra: []) { fraction in
            let layout = torrent.info.layout
            let files = ContentFiles(
                layout: layout, root: try ContentRoot.at(path: path), access: .reading,
                selection: FileSelection(all: layout), preallocation: .none)
            let store = VouchingStore.standard()
            let all = PieceSet(full: layout.pieceCount)
            let home = ContentHome.served(files, path: path)
            var torrent = torrent
            if !torrent.pieceHashes.filesToFetchLayersOf.isEmpty {
                let making = LayerMaking(files: files, isCancelled: { fraction.isCancelled })
                torrent.pieceLayers = try making.add(to: torrent.pieceHashes, parallelism: .processors).knownLayers
            }
            if options.fast, let vouched = store?.pieces(vouchedFor: files, hashes: torrent.info.hashes), vouched.isFull
            {
                return Found(home: home, have: vouched, wanted: all, isComplete: true, torrent: torrent)
            }
            let result = try ContentCheck(files: files, hashes: torrent.pieceHashes).run(
                parallelism: .processors, progress: { fraction.set($0.done, of: $0.total) },
                isCancelled: { fraction.isCancelled })
            if let failure = result.readFailure { throw failure }
            guard result.right.isFull else {
                let bad = layout.pieceCount - result.right.count
                let missing = torrent.info.layout.files.indices.filter { result.files[$0] == .missing }
                if missing.count == layout.files.count {
                    throw TransferError(
                        .notFound, "nothing at \(path)",
                        advice: "Give the path of the content that the torrent describes.")
                }
                let file = result.firstFaultyFile(in: layout).map { torrent.info.displayPath(of: layout.files[$0]) }
                throw TransferError(
                    .verification,
                    "\(bad) of \(layout.pieceCount) pieces at \(path) are not what the torrent describes"
                        + (file.map { "; the first file with one is '\($0)'" } ?? ""),
                    advice: "Run `swoop verify` to see which files, and `swoop get` to complete them.")
            }
            try? store?.save(files, hashes: torrent.info.hashes, pieces: result.right)
            return Found(home: home, have: result.right, wanted: all, isComplete: true, torrent: torrent)
        }
    }

    // MARK: Fetching

    /// - Parameter directory: destination of the content, unless the options stage it elsewhere.
    func get(_ torrent: Torrent, into directory: String) {
        Task { [self] in
            guard await isExpected(torrent.info) else { return }
            let completed = try? await node.pool.run { complete(torrent, from: directory) }
            if let completed = completed ?? nil { return fetch(completed, into: directory) }
            guard options.usesPeers else {
                return transfer.report(
                    .failed(
                        TransferError(
                            .configuration,
                            "the torrent file has no piece layers, and peers, who have them, are not to be used",
                            advice: "Let peers be used, or get a torrent file with piece layers.")))
            }
            await transfer.fetchMetadata(MetadataSubject(torrent), with: self) { info, hashes in
                var whole = torrent
                whole.pieceLayers = hashes.knownLayers
                return whole
            } into: {
                fetch($0, into: directory, peers: $1)
            }
        }
    }

    /// Whether the torrent is the one that was asked for; says so if not.
    private func isExpected(_ info: Info) async -> Bool {
        guard options.expectation != .nothing else { return true }
        let problem = try? await node.pool.run { () -> MetainfoError? in
            do throws(MetainfoError) { try options.expectation.check(info) } catch { return error }
            return nil
        }
        guard let error = problem else { return true }
        transfer.report(
            .failed(
                TransferError(
                    .verification, "\(error)", advice: "Get the torrent from where its digest was said, again.")))
        return false
    }

    /// The torrent with the layers that an earlier run downloaded, if it has none itself; nil if peers must be asked
    /// for them.
    private func complete(_ torrent: Torrent, from directory: String) -> Torrent? {
        if torrent.pieceHashes.filesToFetchLayersOf.isEmpty { return torrent }
        guard options.staging == nil, let saved = savedTorrent(torrent.info.hashes, in: directory) else { return nil }
        var whole = torrent
        whole.pieceLayers = saved.pieceLayers
        return whole.pieceHashes.filesToFetchLayersOf.isEmpty ? whole : nil
    }

    private func savedTorrent(_ hashes: InfoHashes, in directory: String) -> Torrent? {
        DownloadDirectory.savedMetainfo(directory: directory, hashes: hashes).flatMap { try? Torrent.parse($0) }
    }

    /// For a torrent whose pieces can all be verified.
    private func fetch(_ torrent: Torrent, into directory: String, peers: [PeerAddress] = []) {
        if let place = options.staging { return stage(torrent, at: place, peers: peers) }
        begin(torrent, extra: peers) { fraction in
            let layout = torrent.info.layout
            let selection = try select(torrent.info)
            var storing = DownloadDirectory.Options()
            storing.overwrite = options.overwrite
            storing.preallocation = options.preallocate ? .full : .sparse
            storing.vouching = VouchingStore.standard()
            let place = try DownloadDirectory.open(
                directory: directory, info: torrent.info, options: storing, layer: node.configuration.layer)
            let prepared = try place.prepare(
                hashes: torrent.pieceHashes, selection: selection, parallelism: .processors,
                progress: { fraction.set($0.done, of: $0.total) }, isCancelled: { fraction.isCancelled })
            let wanted = selection.pieces(of: layout)
            switch prepared {
            case .complete(let files):
                return Found(home: .download(place, files), have: wanted, wanted: wanted, isComplete: true)
            case .incomplete(let files, let have):
                try? place.save(metainfo: torrent.encode())
                return Found(home: .download(place, files), have: have, wanted: wanted, isComplete: false)
            }
        }
    }

    private func stage(_ torrent: Torrent, at place: StagingPlace, peers: [PeerAddress]) {
        begin(torrent, extra: peers) { fraction in
            let selection = try select(torrent.info)
            var storing = StagedContent.Options()
            storing.preallocation = options.preallocate ? .full : .sparse
            storing.vouching = VouchingStore.standard()
            let staged = try StagedContent.open(
                contentPath: place.contentPath, recordPath: place.recordPath, info: torrent.info, options: storing)
            let (files, have) = try staged.prepare(
                hashes: torrent.pieceHashes, selection: selection, parallelism: .processors,
                progress: { fraction.set($0.done, of: $0.total) }, isCancelled: { fraction.isCancelled })
            return Found(
                home: .staged(staged, files), have: have, wanted: selection.pieces(of: torrent.info.layout),
                isComplete: false)
        }
    }

    func get(_ magnet: Magnet, into directory: String) {
        Task { [self] in
            let saved = try? await node.pool.run {
                let torrent = savedTorrent(magnet.hashes, in: directory)
                guard let torrent, (try? options.expectation.check(torrent.info)) != nil else { return Torrent?.none }
                return torrent.pieceHashes.filesToFetchLayersOf.isEmpty ? torrent : nil
            }
            if let torrent = saved ?? nil { return fetch(torrent, into: directory, peers: options.extraPeers) }
            await transfer.fetchMetadata(MetadataSubject(magnet), with: self) { info, hashes in
                var torrent = Torrent(info: info, pieceLayers: hashes.knownLayers)
                torrent.trackers = magnet.trackers.map { [$0] }
                torrent.webSeeds = magnet.webSeeds
                return torrent
            } into: {
                fetch($0, into: directory, peers: $1)
            }
        }
    }

    private func select(_ info: Info) throws -> FileSelection {
        if let indices = options.fileIndices { return FileSelection(info.layout, indices: indices) }
        guard !options.selection.isEmpty else { return FileSelection(all: info.layout) }
        let selection = FileSelection(info.layout) { file in
            let path = info.isSingleFile ? info.name.bytes : file.path.bytes
            return options.selection.contains { Glob.matches($0, path) }
        }
        guard selection.length(in: info.layout) > 0 else {
            throw TransferError(
                .notFound, "no file of \(info.name.display) matches \(options.selection.joined(separator: ", "))",
                advice: "See the names with `swoop show`.")
        }
        return selection
    }

    // MARK: Beginning

    /// Seconds between attempts after a lack of descriptors, and the maximum number of attempts.
    private static let shortagePause = Duration.milliseconds(500)
    private static let attempts = 60

    /// Runs `look` on a worker thread. If no descriptor is left, evicts a remote connection and tries again.
    private func patiently(_ look: @escaping @Sendable () throws -> Found) async throws -> Found {
        for _ in 1..<Self.attempts {
            do { return try await node.pool.run(look) } catch let error as StorageError
                where error.kind == .tooManyOpenFiles
            {
                _ = node.admission.shed(at: .peers, now: Clocks.steadySeconds)
                try await Task.sleep(for: Self.shortagePause)
            }
        }
        return try await node.pool.run(look)
    }

    private func begin(
        _ torrent: Torrent, extra peers: [PeerAddress], _ look: @escaping @Sendable (CheckFraction) throws -> Found
    ) {
        let startedAt = Clocks.steadySeconds
        let transfer = transfer
        Task { [self] in
            transfer.report(.metadata(torrent.info))
            guard let fraction = await transfer.beginChecking(total: torrent.info.layout.totalLength) else { return }
            do {
                let found = try await patiently { try look(fraction) }
                await transfer.start(found, found.torrent ?? torrent, peers: peers, with: self, startedAt: startedAt)
            } catch let error as StorageError {
                if error.kind != .cancelled { transfer.report(.failed(TransferError(error))) }
            } catch let error as TransferError {
                transfer.report(.failed(error))
            } catch {
                transfer.report(
                    .failed(TransferError(.other, "\(error)", advice: "This should not happen; please report it.")))
            }
        }
    }
}

extension Transfer {
    fileprivate func start(
        _ found: Starter.Found, _ torrent: Torrent, peers: [PeerAddress], with starter: Starter, startedAt: Double
    ) {
        let context = starter.context.value
        var options = starter.options
        options.extraPeers += peers
        let engine = run { transfer in
            TorrentEngine(
                context: context, info: torrent.info, hashes: torrent.pieceHashes, home: found.home,
                have: found.have, wanted: found.wanted, isComplete: found.isComplete,
                options: options, startedAt: startedAt,
                enter: { [weak transfer] in transfer?.enter($0) },
                report: { [weak transfer] in transfer?.report($0) })
        }
        guard let engine else {
            // Stopped in the meantime: releases the lock of the directory.
            let home = found.home
            return starter.node.pool.submit { home.close() }
        }
        report(.checked(have: engine.statusNow.done))
        engine.start(trackers: torrent.trackers, webSeeds: torrent.webSeeds)
        applyWaiting(to: engine)
        // What a magnet link did not say.
        if let pin { starter.node.loops.places.add(self, pin, hashes: engine.wireHashes.all) }
        if found.isComplete { engine.reportComplete() }
    }

    /// - Parameters:
    ///   - torrent: made of the metadata from peers.
    ///   - begin: continues with the torrent, and with the peers known by then.
    fileprivate func fetchMetadata(
        _ subject: MetadataSubject, with starter: Starter,
        torrent: @escaping @Sendable (Info, PieceHashes) -> Torrent,
        into begin: @escaping @Sendable (Torrent, [PeerAddress]) -> Void
    ) {
        guard !isStopped else { return }
        let session = MetadataSession(
            context: starter.context.value, subject: subject, options: starter.options,
            enter: { [weak self] in self?.enterMetadata($0) },
            report: { [weak self] in self?.report($0) },
            finished: { info, hashes, peers in begin(torrent(info, hashes), peers) })
        run(metadata: session)
        session.start()
        session.found(earlyPeers)
        earlyPeers = []
    }
}
