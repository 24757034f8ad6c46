import Hashing
import Metainfo
import PeerWire

/// Uploaded and downloaded blocks, and verified pieces.
extension SwarmMachine {
    /// Where to put the bytes of a block that a peer begins to send.
    public enum Placement: Sendable, Equatable {
        /// Directly into the piece's buffer.
        case buffer
        /// Into a separate buffer, because another peer is sending the same block. Copy it when the block is accepted.
        case aside
        /// Nowhere: read and discard the bytes.
        case discard
        /// The block was never requested.
        case violation
    }

    /// Call when the header of a `piece` message has arrived.
    public mutating func beginBlock(_ span: BlockSpan, from key: PeerKey) -> Placement {
        planner.beginBlock(span, from: key, &swarm)
    }

    /// Call when all bytes of a block have arrived, at the place that ``beginBlock(_:from:)`` returned.
    /// - Returns: whether to copy a block from its separate buffer into the piece's buffer now.
    @discardableResult
    public mutating func finishBlock(_ span: BlockSpan, from key: PeerKey, placement: Placement, now: Double) -> Bool {
        planner.finishBlock(span, from: key, placement: placement, &swarm, &sites, now: now)
    }

    /// Call when a peer rejects a request (BEP 6), or a web seed cannot answer it.
    public mutating func rejected(_ span: BlockSpan, by key: PeerKey, now: Double) {
        planner.rejected(span, by: key, &swarm, &sites, now: now)
    }

    // MARK: Pieces

    public enum Verdict: Sendable, Equatable {
        /// Correct and stored. Contains the digests of its blocks if they were requested.
        case stored(digests: [SHA1Digest])
        /// Wrong. Contains the digests of its blocks.
        case wrong(digests: [SHA1Digest])
        /// Correct, but it could not be stored. The shell handles the cause.
        case notStored
    }

    public mutating func judged(_ index: PieceIndex, _ verdict: Verdict, now: Double) {
        guard let judged = planner.takeJudgedPiece(index.value, &swarm, &sites) else { return }
        switch verdict {
        case .stored(let digests):
            creditLedger.credit(
                index.value, length: judged.piece.length, senders: judged.piece.senders,
                blockLength: swarm.configuration.blockLength, in: swarm.layout
            ) { swarm.peers[$0]?.isNear ?? false }
            stored(index.value, digests: digests)
        case .wrong(let digests): planner.failed(judged.piece, digests: digests, &swarm)
        case .notStored: planner.picker.insert(index.value)
        }
        if swarm.isFinished { return }
        // A stored piece does not make more blocks available to request, but frees its buffer, which matters if all
        // buffers were in use.
        if case .stored = verdict, !judged.wasFull { return }
        planner.refillAll(&swarm, &sites, now: now)
    }

    private mutating func stored(_ piece: Int, digests: [SHA1Digest]) {
        guard swarm.have.insert(piece) else { return }
        planner.blame(piece, digests: digests, &swarm)
        if swarm.wanted.contains(piece) { swarm.missingCount -= 1 }
        // Peers that have the piece get it too: a seed needs it to dispatch pieces.
        if swarm.canServe(piece) { swarm.actions.append(.announce(PieceIndex(unchecked: piece))) }
        uploads.grants.wake()
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

    /// Call when the stored content of a piece has changed. The piece is no longer served (BEP 54 tells peers that
    /// support it).
    /// - Parameter refetch: download the piece again. False if the content is only served, and not ours to write.
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

    /// The next block to send to a peer whose socket can take more; nil if none is requested.
    public mutating func nextUpload(to key: PeerKey) -> BlockSpan? {
        guard let peer = swarm.peers.place(of: key) else { return nil }
        let span = swarm.peers[peer].takeUpload()
        if swarm.egress != nil, let span, !swarm.peers[peer].traits.isOrigin { swarm.egress?.sent(span, to: key) }
        return span
    }

    /// The next block to upload to a peer, without removing it from the queue.
    public func peekUpload(to key: PeerKey) -> BlockSpan? {
        guard let peer = swarm.peers.place(of: key), swarm.peers[peer].uploadCount > 0 else { return nil }
        return swarm.peers[peer].uploads[swarm.peers[peer].uploadHead]
    }

    /// Call when bytes of blocks were written to a peer's socket.
    public mutating func uploaded(_ bytes: Int, to key: PeerKey, now: Double) {
        uploads.uploaded(bytes, to: key, &swarm, planner.picker.availability, now: now)
    }

    /// Call when a block of ``nextUpload(to:)`` cannot be sent.
    public mutating func uploadFailed(_ span: BlockSpan, to key: PeerKey, now: Double) {
        uploads.uploadFailed(span, to: key, &swarm, planner.picker.availability, now: now)
    }

    /// Seconds for which the next block to a peer has to wait because other peers take precedence; 0 if it may be sent
    /// now.
    /// - Parameter bytes: length of the block.
    public mutating func precedenceDelay(to key: PeerKey, bytes: Int, now: Double) -> Double {
        uploads.precedence.delay(to: key, bytes: bytes, isDispatching: uploads.isDispatching, &swarm, now: now)
    }
}
