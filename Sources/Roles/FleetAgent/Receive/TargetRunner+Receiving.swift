import Fleet
import Jobs
import Metainfo
import Policy
import Swarm
import Text
import Threads

// Receiving: until the content is complete.
extension TargetRunner {
    /// Nil until the torrent is known.
    var places: TargetPlaces? {
        if record.restores != nil {
            return TargetPlaces(record, publish: .versions, isSingleFile: restoresSingleFile)
        }
        guard let torrent else { return nil }
        return TargetPlaces(
            record, publish: placement.terms.publish, isSingleFile: torrent.info.isSingleFile)
    }

    /// Whether the version to be published again is a single file.
    private var restoresSingleFile: Bool {
        guard let destination = record.destination, let version = record.restores else { return false }
        return PathFiles.status("\(destination)/releases/\(version)/\(record.offer.name)")?.kind == .file
            && record.offer.content.files == 1
    }

    func loadTorrent() async {
        guard torrent == nil else { return }
        let path = context.places.torrent(job)
        let bytes = await Threads.offload { try? PathFiles.read(path, limit: MetainfoFetch.most) }
        guard let bytes, let read = try? Torrent.parse(bytes), record.offer.content.fits(read) else { return }
        torrent = read
    }

    func turn(_ mayReceive: Bool, _ reason: TargetState.WaitReason?) async {
        guard mayReceive else {
            let did = self.mayReceive
            self.mayReceive = false
            if let reason, record.life.wantsTurn { await happened(.waits(reason)) }
            if did, record.life.stage == .receiving {
                fetch?.cancel()
                fetch = nil
                await stopEngine()
            }
            return
        }
        guard runner == nil, fetch == nil else { return }
        self.mayReceive = true
        guard record.life.wantsTurn else { return }
        if record.restores != nil { return await restore() }
        await loadTorrent()
        guard torrent == nil else { return await beginReceiving() }
        let fetching = MetainfoFetch(
            context: context, job: job, offer: record.offer, options: transferOptions,
            scratch: OwnTree(path: context.places.job(job)))
        fetch = Task { [inbox] in
            if let torrent = await fetching.run() { inbox.yield(.torrent(torrent)) }
        }
    }

    /// A rollback transfers nothing: the version must be on the disk.
    private func restore() async {
        guard let destination = record.destination, let version = record.restores,
            PathFiles.status("\(destination)/releases/\(version)")?.kind == .directory
        else {
            try? await file.changing { $0.detail = "the version is not on this host any more" }
            return await happened(.failed(code: "version_gone", again: false))
        }
        await happened(.arrived)
    }

    func beginReceiving() async {
        fetch = nil
        guard runner == nil, let torrent, let places else { return }
        let path = context.places.torrent(job)
        let overwrite = context.policy.configuration.receive.overwrite
        let (published, root) = (context.published, placement.root)
        let isCache = record.life.isCache
        let refusal = await Threads.offload { () -> AgentPolicy.Refusal? in
            if PathFiles.status(path) == nil { try? PathFiles.write(torrent.encode(), to: path, mode: 0o600) }
            try? PathFiles.makeDirectory(places.work)
            guard let final = places.final, !isCache else { return nil }
            guard TargetPlaces.isInside(final, root: root) else {
                return AgentPolicy.Refusal("receive.roots", "a link leads the destination out of the root")
            }
            if !overwrite, !published.isOurs(final), places.job.publication?.standing() != .published {
                return AgentPolicy.Refusal(
                    "receive.overwrite", "there is something at the destination that no job of the fleet put there")
            }
            return nil
        }
        if let refusal {
            try? await file.changing { $0.detail = refusal.text }
            return await happened(.mayNotReceive(key: refusal.key))
        }
        await learnDigests()
        if record.engine.began == nil {
            let sizes = torrent.info.layout.files.filter { !$0.isPadding }.map(\.length)
            let here = await filesHere(sizes)
            if !here.isEmpty { try? await file.changing { $0.engine.local = here } }
        }
        await startRunner(torrent, places)
        await happened(.bytesCome)
    }

    func startRunner(_ torrent: Torrent, _ places: TargetPlaces) async {
        let window = windowNow
        rate = [placement.down, window.limit].compactMap(\.self).min()
        guard
            let job = Job(
                record, torrent: torrent, terms: placement.terms, places: places, down: rate,
                digests: digests ?? [], context: context)
        else {
            try? await file.changing { $0.detail = "a file's name is no text in UTF-8" }
            return await happened(.failed(code: "content", again: false))
        }
        board.update {
            $0.final = places.final
            $0.total = record.offer.content.bytes
        }
        gate = PublishGate()
        if record.life.isVisible { gate.open() }
        lastByte = context.clock.now.uptime
        let runner = JobRunner(
            job: job, record: record.engine, state: record.engineState == .serving ? .serving : .receiving,
            host: context.host(transferOptions), store: file, hooks: hooks(places, gate))
        self.runner = runner
        await runner.setOutsideLimit(outsideLimit)
        await runner.start()
    }

    private func hooks(_ places: TargetPlaces, _ gate: PublishGate) -> JobHooks {
        let inbox = inbox
        let isCache = record.life.isCache
        let isVersion = placement.terms.publish == .versions
        return JobHooks(
            mayPublish: { [weak self] _ in
                guard let self, await contentIsRight(places) else { return false }
                // A version becomes visible by the link `current`, which is changed later.
                return isVersion ? true : await gate.wait()
            },
            placeIsFree: { _ in if isCache { inbox.yield(.cached) } },
            event: { _, event in inbox.yield(.engine(event)) })
    }

    /// Called when all pieces are verified: computes the class's checksums and compares them with the sender's.
    private func contentIsRight(_ places: TargetPlaces) async -> Bool {
        if placement.terms.verify == .dcp, !record.life.hasContent {
            let problems = await Threads.offload { DigitalCinemaCheck.problems(of: places.incoming) }
            guard problems.isEmpty else {
                inbox.yield(.wrong(code: "dcp", problems.map(\.description).joined(separator: "; ")))
                return false
            }
        }
        let check = placement.terms.check
        guard check != .none, record.sums == nil, let torrent else {
            if placement.terms.publish == .replace { inbox.yield(.life(.arrived)) }
            return true
        }
        let info = torrent.info
        let files = info.layout.files.filter { !$0.isPadding }.map { file -> (path: String, place: String) in
            if info.isSingleFile { return (info.name.display, places.incoming) }
            let path = String(decoding: file.path.bytes, as: UTF8.self)
            return (path, "\(places.incoming)/\(path)")
        }
        let made = await Threads.offload { () -> Result<FileSums, SumProblem> in
            Result { () throws(SumProblem) in try FileSums.read(files, check: check) }
        }
        switch made {
        case .success(let sums):
            if let wanted = record.offer.sums, wanted != sums.digest {
                inbox.yield(.wrong(code: "sums", "the sums of the files are not those that the sender found"))
                return false
            }
            inbox.yield(.sums(sums))
            return true
        case .failure(let problem):
            inbox.yield(.wrong(code: "sums", problem.description))
            return false
        }
    }

    /// The content differs from the sender's. It is deleted, and another attempt starts from nothing.
    func isWrong(_ code: String, _ reason: String) async {
        await stopEngine()
        let (places, isVisible) = (places, record.life.isVisible)
        await places?.discard(keepsVersion: isVisible, context.publications)
        try? await file.changing {
            $0.detail = reason.prefix(bytes: 900)
            $0.engine = JobRecord()
            $0.engineState = .receiving
        }
        await happened(.failed(code: code, again: code == "sums"))
    }

    func arrived(_ sums: FileSums) async {
        try? await file.changing { $0.sums = sums.kept }
        if placement.terms.publish == .replace { await happened(.arrived) }
    }

    var transferOptions: TransferOptions {
        var options = context.transferOptions
        let offer = record.offer
        options.extraPeers = offer.peers
        options.swarmSecret = offer.secret.flatMap(SwarmSecret.init(link:))
        options.uploadLimit = placement.up.map { Int(clamping: $0) }
        return options
    }

    /// Stops the transfer. Received data is kept.
    func stopEngine() async {
        gate.close()
        if runner != nil { announceEnd() }
        let old = runner
        runner = nil
        await old?.stop()
        await noteReceived(old)
        board.update { ($0.down, $0.up, $0.isSeeding) = (0, 0, false) }
    }

    func noteReceived(_ runner: JobRunner?) async {
        guard let status = runner?.status else { return }
        let sources = ReceivedBytes(status)
        guard sources != record.sources else { return }
        try? await file.changing { $0.sources = sources }
    }
}

extension ReceivedBytes {
    init(_ status: JobStatus) {
        self.init()
        peers = status.received.bt
        store = status.received.obs
        web = status.received.cdn
        local = status.localBytes
    }
}

extension SwarmSecret {
    /// - Parameter link: 32 bytes in hexadecimal digits, as in messages of the link.
    init?(link: Secret) {
        guard let bytes = Hexadecimal.decode(link.value, byteCount: 32) else { return nil }
        self.init(bytes: bytes)
    }
}
