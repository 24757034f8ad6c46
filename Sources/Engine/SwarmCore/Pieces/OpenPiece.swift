/// A piece that is being downloaded: the state and the sender of each of its blocks.
package struct OpenPiece: Sendable {
    package enum Block: Sendable, Equatable {
        /// Not requested.
        case free
        /// Requested from this many peers.
        case requested(UInt8)
        /// Data from this peer is arriving directly in the piece buffer.
        case receiving(PeerKey)
        case received
    }

    package let piece: Int
    /// Length on the wire, in bytes.
    package let length: Int
    private let blockLength: Int
    package private(set) var blocks: [Block]
    /// The sender of each block; nil before it arrives, and for padding.
    package private(set) var senders: [PeerKey?]
    package private(set) var freeCount: Int
    package private(set) var missingCount: Int
    /// The only peer that may be asked, because the piece failed verification before: the next failure then has one
    /// culprit.
    package var exclusiveOwner: PeerKey?
    /// Seconds of the machine's clock.
    let openedAt: Double
    var isVerifying = false

    package init(
        piece: Int, length: Int, blockLength: Int = BlockSpan.standardLength, openedAt: Double,
        isPadding: (Range<Int>) -> Bool
    ) {
        self.piece = piece
        self.length = length
        self.blockLength = blockLength
        self.openedAt = openedAt
        blocks = (0..<(length + blockLength - 1) / blockLength).map { index in
            let begin = index * blockLength
            return isPadding(begin..<min(length, begin + blockLength)) ? .received : .free
        }
        senders = Array(repeating: nil, count: blocks.count)
        freeCount = blocks.count { $0 == .free }
        missingCount = freeCount
    }

    package var isComplete: Bool { missingCount == 0 }

    /// Whether no block has arrived or been requested.
    var isUntouched: Bool { freeCount == missingCount && senders.allSatisfy { $0 == nil } }

    /// Bytes received, without padding.
    package var receivedBytes: Int {
        senders.indices.reduce(0) { $0 + (senders[$1] == nil ? 0 : min(blockLength, length - $1 * blockLength)) }
    }

    func blockRange(_ request: BlockSpan) -> Range<Int> {
        request.begin / blockLength..<(request.begin + request.length + blockLength - 1) / blockLength
    }

    private func request(_ blocks: Range<Int>) -> BlockSpan {
        let begin = blocks.lowerBound * blockLength
        return BlockSpan(piece: piece, begin: begin, length: min(length, blocks.upperBound * blockLength) - begin)
    }

    /// Marks the first run of at most `limit` free blocks as requested, and returns it.
    package mutating func takeFree(limit: Int) -> BlockSpan? {
        guard freeCount > 0, let first = blocks.firstIndex(of: .free) else { return nil }
        var end = first
        while end < blocks.count, end - first < limit, blocks[end] == .free {
            blocks[end] = .requested(1)
            end += 1
        }
        freeCount -= end - first
        return request(first..<end)
    }

    /// One block that was requested from other peers and is not arriving yet; blocks with the fewest requests first.
    package mutating func takeDuplicate(limit: UInt8, excluding mine: (Int) -> Bool) -> BlockSpan? {
        var best: (index: Int, count: UInt8)?
        for index in blocks.indices {
            let count: UInt8
            switch blocks[index] {
            case .requested(let times): count = times
            case .receiving: count = 1
            default: continue
            }
            if count < min(limit, best?.count ?? .max), !mine(index * blockLength) { best = (index, count) }
        }
        guard let best else { return nil }
        if case .requested(let times) = blocks[best.index] { blocks[best.index] = .requested(times + 1) }
        return request(best.index..<best.index + 1)
    }

    /// One request for these blocks has ended without an answer.
    package mutating func release(_ request: BlockSpan) {
        for index in blockRange(request) {
            guard case .requested(let times) = blocks[index] else { continue }
            blocks[index] = times <= 1 ? .free : .requested(times - 1)
            if times <= 1 { freeCount += 1 }
        }
    }

    /// Whether the data may go directly into the buffer: only if none of its blocks has arrived or is arriving. Marks
    /// the blocks as arriving.
    package mutating func beginReceiving(_ request: BlockSpan, from peer: PeerKey) -> Bool {
        let range = blockRange(request)
        for index in range {
            switch blocks[index] {
            case .received, .receiving: return false
            case .free, .requested: continue
            }
        }
        for index in range {
            if blocks[index] == .free { freeCount -= 1 }
            blocks[index] = .receiving(peer)
        }
        return true
    }

    /// The sender of arriving data has left, or another peer was faster.
    package mutating func stopReceiving(_ request: BlockSpan, from peer: PeerKey) {
        for index in blockRange(request) where blocks[index] == .receiving(peer) {
            blocks[index] = .free
            freeCount += 1
        }
    }

    /// Whether all of the blocks have arrived.
    func hasReceived(_ request: BlockSpan) -> Bool { blocks[blockRange(request)].allSatisfy { $0 == .received } }

    func isReceiving(_ request: BlockSpan, from peer: PeerKey) -> Bool {
        blocks[blockRange(request)].contains(.receiving(peer))
    }

    /// Peers other than `peer` whose data for any of these blocks is arriving directly in the buffer.
    package func receivers(of request: BlockSpan, otherThan peer: PeerKey) -> [PeerKey] {
        var others: [PeerKey] = []
        for block in blocks[blockRange(request)] {
            if case .receiving(let other) = block, other != peer, !others.contains(other) { others.append(other) }
        }
        return others
    }

    /// - Returns: whether any of the blocks is new.
    package mutating func markReceived(_ request: BlockSpan, from peer: PeerKey) -> Bool {
        var isNew = false
        for index in blockRange(request) where blocks[index] != .received {
            if blocks[index] == .free { freeCount -= 1 }
            blocks[index] = .received
            senders[index] = peer
            missingCount -= 1
            isNew = true
        }
        return isNew
    }
}
