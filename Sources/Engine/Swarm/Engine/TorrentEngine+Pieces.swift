import Hashing
import Metainfo
import PeerWire
import Storage
import SwarmCore

/// Pieces from the network to the disk, and their record.
extension TorrentEngine {
    func open(_ piece: PieceIndex) {
        let length = info.layout.length(of: piece)
        guard let buffer = memory.open(piece.value, length: length) else {
            return fail(
                TransferError(
                    .other, "no memory for a piece of \(length) bytes",
                    advice: "Free memory, or raise the process's limit."))
        }
        for span in info.layout.spans(of: piece) where span.isPadding {
            UnsafeMutableRawBufferPointer(rebasing: buffer.bytes[span.pieceOffset..<span.pieceOffset + span.length])
                .initializeMemory(as: UInt8.self, repeating: 0)
        }
    }

    func verify(_ piece: PieceIndex, _ digests: Bool) {
        guard let buffer = memory.buffer(of: piece.value) else {
            return machine.judged(piece, .notStored, now: context.loop.now)
        }
        finisher?.submit(PieceFinisher.Job(piece: piece, buffer: buffer, digests: digests))
    }

    func finished(_ piece: PieceIndex, _ outcome: PieceFinisher.Outcome) {
        guard !isStopped else { return }
        let now = context.loop.now
        judgedPiece = piece
        switch outcome {
        case .stored(let digests):
            creditSource(of: piece)
            ledger.wrote(piece, bytes: info.layout.length(of: piece), at: now)
            for file in progress?.stored(piece) ?? [] { report(.fileComplete(file)) }
            machine.judged(piece, .stored(digests: digests), now: now)
            if let readers, !readers.isEmpty { stored(for: readers) }
        case .wrong(let digests):
            context.logger.debug("piece does not verify", metadata: ["piece": "\(piece)"])
            machine.judged(piece, .wrong(digests: digests), now: now)
        case .failed(let error) where error.kind == .tooManyOpenFiles:
            // The piece is complete and stays in memory.
            tryLater(error) { $0.verify(piece, true) }
        case .failed(let error):
            machine.judged(piece, .notStored, now: now)
            fail(TransferError(error))
        }
        carryOutActions()
    }

    /// A piece on disk has changed. Complete content that its owner may be about to move is not written to.
    func lost(_ piece: PieceIndex) {
        let refetches = home.isOurs && !(home.isStaged && (isPublished || isRelocated))
        guard machine.have.contains(piece.value) else { return }
        if !refetches { options.onChangedContent?() }
        machine.lost(piece, refetch: refetches, now: context.loop.now)
        progress?.lost(piece)
        if home.isStaged { ledger.lost(piece.value..<piece.value + 1) }
    }

    // MARK: Durability

    func syncIfDue(_ now: Double) {
        guard !isPublished, ledger.isSyncDue(at: now), let pieces = ledger.beginSync() else { return }
        let (home, gate, enter) = (home, gate, enter)
        context.pool.submit {
            let result = Result { () throws(StorageError) in
                try gate.pass { () throws(StorageError) in try home.checkpoint(pieces) }
            }
            enter { $0.synced(result) }
        }
    }

    private func synced(_ result: Result<Void, StorageError>) {
        switch result {
        case .success: ledger.syncSucceeded()
        case .failure(let error) where error.kind == .tooManyOpenFiles:
            ledger.syncPostponed(at: context.loop.now)
            tryLater(error) { _ in }
        case .failure(let error):
            _ = ledger.syncFailed()
            fail(TransferError(error))
        }
    }

    func finishedAll() {
        judgeEfficiency(context.loop.now)
        for announcer in announces.announcers { announcer.completed() }
        publish()
        // The owner of staged content may find it wrong, and need its sources again.
        for source in Array(sources.all) { if home.isStaged { source.cancelAll() } else { source.stop() } }
    }

    func publish() {
        guard !isPublished else { return }
        let (home, gate, enter, pieces) = (home, gate, enter, machine.have)
        context.pool.submit {
            let result = Result { () throws(StorageError) in
                try gate.end { () throws(StorageError) in try home.publish(pieces) }
            }
            enter { $0.published(result) }
        }
    }

    private func published(_ result: Result<Void, StorageError>) {
        switch result {
        case .success:
            guard machine.isFinished || !home.isStaged else {
                // Something was found wrong in the meantime: the end comes when that has been downloaded.
                return gate.reopen()
            }
            isPublished = true
            reportComplete()
        case .failure(let error) where error.kind == .tooManyOpenFiles && home.mayPublishAgain:
            tryLater(error) { $0.publish() }
        case .failure(let error): fail(TransferError(error))
        }
    }

    /// Seconds until an operation that failed for lack of a descriptor is repeated.
    static let shortagePause = 0.25

    /// No descriptor was left for content or its record, which is no disk error. Evicts the remote connection without
    /// progress for longest, and repeats the work soon.
    func tryLater(_ error: StorageError, _ work: @escaping (TorrentEngine) -> Void) {
        shed(error)
        context.loop.schedule(after: Self.shortagePause) { [weak self] in
            guard let self, !isStopped else { return }
            work(self)
            carryOutActions()
        }
    }

    func shed(_ error: StorageError) {
        if !hasToldOfShortage { report(.warning("\(error.message); trying again")) }
        hasToldOfShortage = true
        _ = context.admission.shed(at: .peers, now: context.loop.now)
    }

    func reportComplete() {
        report(
            .complete(
                path: home.path, infoHash: info.hashes.primary.hex, bytes: home.files.selection.length(in: info.layout),
                seconds: context.loop.now - startedAt))
    }
}

extension TransferError {
    init(_ error: StorageError) {
        self.init(error.isDiskFault ? .disk : .other, error.message, advice: error.advice)
    }
}
