import Hashing
import Metainfo
import PeerWire

/// What becomes of a piece once it has been hashed.
extension SwarmMachine {
    public enum Verdict: Sendable, Equatable {
        /// Right, and stored. Digests of its blocks if they were asked for.
        case stored(digests: [SHA1Digest])
        /// Wrong. Digests of its blocks.
        case wrong(digests: [SHA1Digest])
        /// Right, but it could not be stored; the shell deals with why.
        case notStored
    }

    public mutating func judged(_ index: PieceIndex, _ verdict: Verdict, now: Double) {
        let piece = index.value
        guard let state = open[piece], state.isVerifying else { return }
        let wasFull = openBytes + layout.pieceLength > mostOpenBytes
        close(piece)
        switch verdict {
        case .stored(let digests):
            creditLedger.credit(
                piece, length: state.length, senders: state.senders, blockLength: configuration.blockLength, in: layout)
            stored(piece, digests: digests, now: now)
        case .wrong(let digests): failed(piece, senders: state.senders, digests: digests, length: state.length)
        case .notStored: picker.insert(piece)
        }
        if isFinished { return }
        // A piece that is there gives nobody more to be asked for, but room for the next where there was none.
        if case .stored = verdict, !wasFull { return }
        refillAll(now: now)
    }

    mutating func close(_ piece: Int) {
        guard let state = open.removeValue(forKey: piece) else { return }
        if let place = openOrder.firstIndex(of: piece) { openOrder.remove(at: place) }
        openBytes -= state.length
        sites.disown(piece)
        actions.append(.close(PieceIndex(unchecked: piece)))
    }

    private mutating func stored(_ piece: Int, digests: [SHA1Digest], now: Double) {
        guard have.insert(piece) else { return }
        if ledger.isSuspect(piece) {
            let culprits = ledger.verified(piece, digests: digests).sorted(by: PeerKey.isBefore)
            for culprit in culprits where peers[culprit] != nil { actions.append(.ban(culprit)) }
        }
        if wanted.contains(piece) { missingCount -= 1 }
        // Also to those that have it: a seed goes by it when it gives pieces out.
        if canServe(piece) { actions.append(.announce(PieceIndex(unchecked: piece))) }
        wakeTurns()
        for key in peers.keys {
            guard let peer = peers.place(of: key), peers[peer].holdings.contains(piece) else { continue }
            peers[peer].wantedCount -= 1
            updateInterest(key, now: now)
        }
        guard isFinished else { return }
        beginSeeding()
        actions.append(.finished)
        for key in peers.keys { dropIfRedundant(key) }
    }

    private mutating func failed(_ piece: Int, senders: [PeerKey?], digests: [SHA1Digest], length: Int) {
        wastedBytes += Int64(length)
        if let culprit = ledger.failed(piece, senders: senders, digests: digests), peers[culprit] != nil {
            actions.append(.ban(culprit))
        }
        picker.insert(piece)
    }
}
