import Hashing
import Metainfo
import PeerWire

/// Blocks that come and go, and pieces that have been hashed.
extension SwarmMachine {
    /// Where the bytes of a block that a peer begins to send go.
    public enum Placement: Sendable, Equatable {
        /// Straight into the piece's buffer.
        case buffer
        /// Into a buffer of their own: another peer is sending the same block. To be copied when the block is accepted.
        case aside
        /// Nowhere: read and dropped.
        case discard
        /// It was never asked for.
        case violation
    }

    /// The header of a `piece` message has come.
    public mutating func beginBlock(_ span: BlockSpan, from key: PeerKey) -> Placement {
        planner.beginBlock(span, from: key, &swarm)
    }

    /// All bytes of a block have come, and are where ``beginBlock(_:from:)`` said.
    /// - Returns: whether bytes that lie aside are to be copied into the piece's buffer now.
    @discardableResult
    public mutating func finishBlock(_ span: BlockSpan, from key: PeerKey, placement: Placement, now: Double) -> Bool {
        planner.finishBlock(span, from: key, placement: placement, &swarm, &sites, now: now)
    }

    /// A peer says that a request will not be answered (BEP 6), or a web seed cannot.
    public mutating func rejected(_ span: BlockSpan, by key: PeerKey, now: Double) {
        planner.rejected(span, by: key, &swarm, &sites, now: now)
    }

    // MARK: Pieces

    public enum Verdict: Sendable, Equatable {
        /// Right, and stored. Digests of its blocks if they were asked for.
        case stored(digests: [SHA1Digest])
        /// Wrong. Digests of its blocks.
        case wrong(digests: [SHA1Digest])
        /// Right, but it could not be stored; the shell deals with why.
        case notStored
    }

    public mutating func judged(_ index: PieceIndex, _ verdict: Verdict, now: Double) {
        guard let judged = planner.takeJudged(index.value, &swarm, &sites) else { return }
        switch verdict {
        case .stored(let digests):
            creditLedger.credit(
                index.value, length: judged.piece.length, senders: judged.piece.senders,
                blockLength: swarm.configuration.blockLength, in: swarm.layout)
            stored(index.value, digests: digests)
        case .wrong(let digests): planner.failed(judged.piece, digests: digests, &swarm)
        case .notStored: planner.picker.insert(index.value)
        }
        if swarm.isFinished { return }
        // A piece that is there gives nobody more to be asked for, but room for the next where there was none.
        if case .stored = verdict, !judged.wasFull { return }
        planner.refillAll(&swarm, &sites, now: now)
    }

    private mutating func stored(_ piece: Int, digests: [SHA1Digest]) {
        guard swarm.have.insert(piece) else { return }
        planner.blame(piece, digests: digests, &swarm)
        if swarm.wanted.contains(piece) { swarm.missingCount -= 1 }
        // Also to those that have it: a seed goes by it when it gives pieces out.
        if swarm.canServe(piece) { swarm.actions.append(.announce(PieceIndex(unchecked: piece))) }
        uploads.wakeGrants()
        for key in swarm.peers.keys {
            guard let peer = swarm.peers.place(of: key), swarm.peers[peer].holdings.contains(piece) else { continue }
            swarm.peers[peer].wantedCount -= 1
            swarm.updateInterest(key)
        }
        guard swarm.isFinished else { return }
        uploads.beginSeeding(&swarm, &planner.picker)
        swarm.actions.append(.finished)
        for key in swarm.peers.keys { swarm.dropIfRedundant(key) }
    }

    /// The content of a piece is not what it was: it is no longer served (BEP 54 tells those who understand).
    /// - Parameter refetch: it is wanted again; not where the content is only served, and not ours to write.
    public mutating func lost(_ index: PieceIndex, refetch: Bool = true, now: Double) {
        guard swarm.have.remove(index.value) else { return }
        uploads.dispatcher?.isTaken(index.value)
        let isWanted = refetch && swarm.wanted.contains(index.value)
        if isWanted {
            swarm.missingCount += 1
            planner.picker.insert(index.value)
        }
        for key in swarm.peers.keys {
            if swarm.peers[key]?.traits.supportsDontHave == true {
                swarm.send(key, .extended(.dontHave(UInt32(truncatingIfNeeded: index.value))))
            }
            if isWanted, swarm.peers[key]?.holdings.contains(index.value) == true {
                swarm.peers[key]?.wantedCount += 1
                swarm.updateInterest(key)
            }
        }
    }

    // MARK: Uploads

    /// The next block to send to a peer whose socket can take more, nil when it wants nothing.
    public mutating func nextUpload(to key: PeerKey) -> BlockSpan? {
        guard let peer = swarm.peers.place(of: key) else { return nil }
        return swarm.peers[peer].takeUpload()
    }

    /// What the next upload to a peer would be, without taking it.
    public func peekUpload(to key: PeerKey) -> BlockSpan? {
        guard let peer = swarm.peers.place(of: key), swarm.peers[peer].uploadCount > 0 else { return nil }
        return swarm.peers[peer].uploads[swarm.peers[peer].uploadHead]
    }

    /// Bytes of blocks that went into a peer's socket.
    public mutating func uploaded(_ bytes: Int, to key: PeerKey, now: Double) {
        uploads.uploaded(bytes, to: key, &swarm, planner.picker.availability, now: now)
    }

    /// A block of ``nextUpload(to:)`` cannot be sent.
    public mutating func uploadFailed(_ span: BlockSpan, to key: PeerKey, now: Double) {
        uploads.uploadFailed(span, to: key, &swarm, planner.picker.availability, now: now)
    }

    /// Seconds for which the next block to a peer has to wait because others go first; 0 when it may go now.
    /// - Parameter bytes: its length.
    public mutating func precedenceDelay(to key: PeerKey, bytes: Int, now: Double) -> Double {
        uploads.precedence.delay(to: key, bytes: bytes, isDispatching: uploads.isDispatching, &swarm, now: now)
    }
}
