import HTTPOrigin
import Metainfo
import Storage
import SwarmCore

/// Range sources, which the machine treats like peers.
extension TorrentEngine {
    /// Maximum number of web seeds used for one torrent.
    private static let mostWebSeeds = 16

    /// Starts the web seeds of the torrent and of the user. They have everything, and are given up after a permanent
    /// failure, or if they have none of the files.
    func startWebSeeds(_ named: [String], extra: [String]) {
        guard !machine.isFinished else { return }
        var settings = context.sourceHealth
        settings.missingFiles = min(
            settings.missingFiles, max(1, info.layout.files.count { !$0.isPadding && $0.length > 0 }))
        var seen: Set<String> = []
        let all = extra.map { ($0, false) } + named.map { ($0, true) }
        for (url, isNamedByTorrent) in all.prefix(Self.mostWebSeeds) where seen.insert(url).inserted {
            guard
                let seed = WebSeed(
                    url: url, info: info, isNamedByTorrent: isNamedByTorrent, client: context.webSeeds)
            else {
                report(.warning("web seed ignored: no http or https address (\(WebSeed.shown(url)))"))
                continue
            }
            join(RangeSourcePlan(id: url, source: seed, files: []), sharesFiles: false, settings: settings)
        }
    }

    /// A piece was correct: a source that sent all of it gets the credit.
    func creditSource(of piece: PieceIndex) {
        guard !sources.isEmpty, let sender = machine.soleSender(of: piece) else { return }
        sources[sender]?.sentGoodPiece(piece)
    }

    func addSource(_ plan: RangeSourcePlan) {
        removeSource(plan.id)
        var settings = context.sourceHealth
        settings.probes = true
        sources.name(join(plan, sharesFiles: true, settings: settings), plan.id)
    }

    func removeSource(_ id: String) {
        let credits = machine.credits
        guard let (key, source) = sources.remove(named: id, credit: { credits[$0] ?? 0 }) else { return }
        source?.stop()
        machine.leave(key, now: context.loop.now)
    }

    @discardableResult
    private func join(_ plan: RangeSourcePlan, sharesFiles: Bool, settings: WebSeedHealth.Settings) -> PeerKey {
        var traits = PeerTraits(supportsFast: true)
        traits.isWebSeed = true
        traits.mask = PieceSet(size: info.layout.pieceCount)
        traits.longestRequest = max(16 * 1024, min(WebSource.spanLength, info.layout.pieceLength / 16384 * 16384))
        traits.requestQueue = 64
        let key = machine.join(traits, now: context.loop.now)
        let enter = enter
        let source = WebSource(
            plan: plan, sharesFiles: sharesFiles, layout: info.layout, context: context,
            limits: outsideLimits ?? limits, settings: settings,
            hooks: WebSource.Hooks(
                deliver: { [weak self] in self?.storeRange($0, $1, from: key) },
                reject: { [weak self] in self?.machine.rejected($0, by: key, now: self?.context.loop.now ?? 0) },
                warn: { [weak self] in self?.report(.warning($0)) },
                changed: { [weak self] in self?.refreshOffer(of: key) },
                enter: { body in
                    enter { engine in
                        if let source = engine.sources[key] { body(source) }
                        engine.carryOutActions()
                    }
                }))
        sources.add(source, key)
        refreshOffer(of: key)
        return key
    }

    private func storeRange(_ span: BlockSpan, _ parts: [WebSeedChunk], from key: PeerKey) {
        let placement = machine.beginBlock(span, from: key)
        // Before the machine is told: the piece may be complete with it.
        let target = memory[span.piece]
        let isWanted = machine.finishBlock(span, from: key, placement: placement, now: context.loop.now)
        guard placement == .buffer || isWanted, let target else { return }
        var begin = span.begin
        for part in parts {
            part.withUnsafeBytes {
                UnsafeMutableRawBufferPointer(rebasing: target.bytes[begin..<begin + $0.count]).copyMemory(from: $0)
            }
            begin += part.count
        }
    }

    /// Tells the machine what a source may be asked for now.
    func refreshOffer(of key: PeerKey) {
        guard let source = sources[key] else { return }
        let now = context.loop.now
        let offer = source.offer(at: now)
        guard offer != source.offered else { return }
        source.offered = offer
        machine.setHoldings(of: key, to: pieces(of: offer), now: now)
    }

    private func pieces(of offer: WebSource.Offer) -> PieceSet {
        let layout = info.layout
        guard offer.isOpen else { return PieceSet(size: layout.pieceCount) }
        var pieces = offer.files == nil ? PieceSet(full: layout.pieceCount) : PieceSet(size: layout.pieceCount)
        for file in offer.files ?? [] where layout.files.indices.contains(file) {
            for piece in layout.pieces(ofFile: file) { pieces.insert(piece) }
        }
        for file in offer.missing where layout.files.indices.contains(file) {
            for piece in layout.pieces(ofFile: file) { pieces.remove(piece) }
        }
        return pieces
    }

    /// Removes web seeds that were given up from the machine.
    func pumpWebSeeds(_ now: Double) {
        for (key, source) in sources.byKey {
            if source.isAlive {
                refreshOffer(of: key)
                source.pump()
            } else if !sources.isNamed(key, source) {
                machine.leave(key, now: now)
                sources.remove(key)
                source.stop()
            }
        }
    }

    // MARK: Policy

    /// - Parameters: nil leaves a value unchanged.
    func setSource(_ id: String, files: Set<Int>?, isActive: Bool?, rateLimit: Int??) {
        guard let (key, source) = sources.named(id) else { return }
        if let rateLimit { source.setRateLimit(rateLimit) }
        if let files { source.files = files }
        if let isActive { source.setActive(isActive) }
        refreshOffer(of: key)
    }

    /// - Parameter files: that peers are not asked for. A piece that another file is in too is asked for all the same.
    func reserve(_ files: Set<Int>) {
        let layout = info.layout
        guard !files.isEmpty else { return machine.reserve(nil, now: context.loop.now) }
        var pieces = PieceSet(size: layout.pieceCount)
        for file in files where layout.files.indices.contains(file) {
            for piece in layout.pieces(ofFile: file) { pieces.insert(piece) }
        }
        for (file, entry) in layout.files.enumerated()
        where !files.contains(file) && !entry.isPadding && entry.length > 0 && progress?.isSelected(file) != false {
            for piece in layout.pieces(ofFile: file) where !machine.have.contains(piece) { pieces.remove(piece) }
        }
        machine.reserve(pieces, now: context.loop.now)
    }

    func setPeersActive(_ isActive: Bool) {
        machine.setAsksPeers(isActive, now: context.loop.now)
        lackOfPeers.begin(context.loop.now)
        if isActive { arrivals.peersAreActive(context.loop.now) }
        updatePresence()
    }

    func setSeeding(_ isSeeding: Bool) {
        machine.setServing(isSeeding, now: context.loop.now)
        updatePresence()
    }

    /// Whether the torrent neither uploads nor downloads, and so takes no part in the swarm for now.
    var isQuiet: Bool { !machine.isServing && (!machine.asksPeers || machine.isFinished) }

    func updatePresence() {
        guard options.usesPeers, !isStopped else { return }
        if isQuiet {
            for connection in peers.all { connection.close(.shutdown) }
            for announcer in announces.announcers { announcer.stop() }
            announces.end()
        } else if announces.isEmpty {
            startAnnouncing()
            dial()
        }
    }

    func hold(_ isHeld: Bool) {
        self.isHeld = isHeld
        if !isHeld, !isStopped { limitsChanged() }
    }

    // MARK: Wrong files

    func refetch(_ file: Int, except id: String?) -> Bool {
        guard home.isStaged, !isRelocated, progress?.isSelected(file) == true else { return false }
        let now = context.loop.now
        if let id, let (key, source) = sources.named(id) {
            source.files?.remove(file)
            refreshOffer(of: key)
        }
        let pieces = info.layout.pieces(ofFile: file)
        for piece in pieces where machine.have.contains(piece) { progress?.lost(PieceIndex(unchecked: piece)) }
        machine.refetch(pieces, now: now)
        ledger.lost(pieces)
        isPublished = false
        gate.reopen()
        if machine.isFinished {
            publish()
            return true
        }
        // At once: after a crash, the old record would vouch for wrong data.
        let (home, gate, enter, durable) = (home, gate, enter, ledger.durable)
        context.pool.submit {
            let result = Result { () throws(StorageError) in
                try gate.pass { () throws(StorageError) in try home.checkpoint(durable) }
            }
            if case .failure(let error) = result { enter { $0.fail(TransferError(error)) } }
        }
        return true
    }
}
