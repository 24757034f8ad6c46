import Glibc
import Hashing
import Metainfo

/// One hashing thread: up to four pieces at a time, one lane each, read in blocks. SHA-1 processes all lanes together,
/// SHA-256 all their leaves, or all pieces of a blob.
struct HashWorker: ~Copyable {
    private struct Lane {
        let piece: Int
        /// End of the piece in the content, and the position of the next read.
        let end: Int64
        var position: Int64
        var stretch: Int
        var leaves: [SHA256Digest] = []
        /// Bytes in the lane's buffer, and how many of them, from the start, belong to a file rather than to padding.
        var filled = 0
        var data = 0
        var problem: FileProblem?
    }

    private let job: HashJob
    private let state: HashState
    private let block: Int
    // `init` allocates this buffer, only this thread uses it, and it is freed with this value.
    private let memory: UnsafeMutableRawPointer
    private var files: SourceFiles
    private var streams: SHA1Streams
    private var lanes: [Lane?]
    /// For each lane the SHA-256 of its piece in a blob; not used without a chain.
    private var chained: [SHA256Stream]
    private let zeros: ZeroPiece

    /// Nil if there is not enough memory.
    init?(_ job: HashJob, _ state: HashState, zeros: ZeroPiece) {
        block = job.blockBytes
        var memory: UnsafeMutableRawPointer?
        guard posix_memalign(&memory, 4096, block * SHA1Streams.mostLanes) == 0, let memory else { return nil }
        self.memory = memory
        self.job = job
        self.state = state
        self.zeros = zeros
        files = SourceFiles(capacity: job.limits.openFilesPerThread)
        streams = SHA1Streams()
        lanes = [Lane?](repeating: nil, count: SHA1Streams.mostLanes)
        chained = job.chain == nil ? [] : [SHA256Stream](repeating: SHA256Stream(), count: lanes.count)
    }

    deinit { free(memory) }

    mutating func run() {
        var isWorking = true
        while isWorking, !state.isStopped {
            isWorking = false
            for index in lanes.indices {
                if lanes[index] == nil { start(index) }
                guard lanes[index] != nil else { continue }
                fill(index)
                isWorking = true
            }
            hash()
            for index in lanes.indices { finishIfDone(index) }
        }
        do { try files.finish() } catch {
            job.changed(error)
            state.stop()
        }
    }

    private func buffer(_ lane: Int) -> UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(start: memory + lane * block, count: block)
    }

    /// Assigns the next piece to a lane, skipping pieces that are holes.
    private mutating func start(_ index: Int) {
        while let position = state.nextIndex(of: job.count) {
            let piece = job.piece(position)
            let (stretch, range) = job.line.piece(piece)
            let lane = Lane(piece: piece, end: range.upperBound, position: range.lowerBound, stretch: stretch)
            guard job.chain == nil, isHole(lane) else {
                lanes[index] = lane
                if let stream = job.chain?.stream(for: PieceIndex(unchecked: piece)) { chained[index] = stream }
                return
            }
            state.add(job.line.pieceLength)
            guard job.finish(piece, .hashed(v1: zeros.v1, v2: zeros.v2)) else { return state.stop() }
        }
    }

    /// Whether a piece of full length lies in one file and is a hole.
    private mutating func isHole(_ lane: Lane) -> Bool {
        let stretch = job.line.stretches[lane.stretch]
        let length = Int64(job.line.pieceLength)
        guard let file = stretch.file, lane.end - lane.position == length, stretch.end >= lane.end else { return false }
        // The tree of a shorter file is lower, so its digest differs from `zeros`.
        guard !job.hasV2 || stretch.length >= length else { return false }
        // Errors of the file are detected and reported when it is read.
        return (try? files.isHole(file, at: lane.position - stretch.offset, length: length, source: job.source))
            ?? false
    }

    /// Reads a lane's next block.
    private mutating func fill(_ index: Int) {
        guard var lane = lanes[index] else { return }
        lanes[index] = nil
        let buffer = buffer(index)
        lane.filled = 0
        lane.data = 0
        let wanted = Int(min(Int64(block), lane.end - lane.position))
        while lane.filled < wanted {
            let stretch = job.line.stretches[lane.stretch]
            let count = Int(min(Int64(wanted - lane.filled), stretch.end - lane.position))
            let part = UnsafeMutableRawBufferPointer(rebasing: buffer[lane.filled..<lane.filled + count])
            if let file = stretch.file {
                do {
                    try files.read(file, into: part, at: lane.position - stretch.offset, source: job.source)
                } catch {
                    lane.problem = error
                    break
                }
                lane.data = lane.filled + count
            } else {
                part.initializeMemory(as: UInt8.self, repeating: 0)
            }
            lane.filled += count
            lane.position += Int64(count)
            if lane.position == stretch.end { lane.stretch += 1 }
        }
        lanes[index] = lane
    }

    private mutating func hash() {
        if job.chain != nil {
            SHA256Stream.update(
                &chained,
                with: lanes.indices.map { UnsafeRawBufferPointer(rebasing: buffer($0)[..<(lanes[$0]?.filled ?? 0)]) })
        }
        if job.hasV1 {
            streams.update(
                lanes.indices.map { index in
                    UnsafeRawBufferPointer(rebasing: buffer(index)[..<(lanes[index]?.filled ?? 0)])
                })
        }
        guard job.hasV2 else { return }
        var leaves: [UnsafeRawBufferPointer] = []
        var counts = [Int](repeating: 0, count: lanes.count)
        for index in lanes.indices {
            let data = UnsafeRawBufferPointer(buffer(index))[..<(lanes[index]?.data ?? 0)]
            for start in stride(from: 0, to: data.count, by: MerkleTree.leafSize) {
                leaves.append(
                    UnsafeRawBufferPointer(rebasing: data[start..<min(start + MerkleTree.leafSize, data.count)]))
                counts[index] += 1
            }
        }
        let digests = SHA256.digests(leaves)
        var next = 0
        for index in lanes.indices {
            lanes[index]?.leaves.append(contentsOf: digests[next..<next + counts[index]])
            next += counts[index]
        }
    }

    private mutating func finishIfDone(_ index: Int) {
        guard let lane = lanes[index] else { return }
        state.add(lane.filled)
        guard lane.position == lane.end || lane.problem != nil else { return }
        lanes[index] = nil
        let digest = job.hasV1 ? streams.finish(index) : nil
        let outcome: PieceOutcome
        if let problem = lane.problem {
            outcome = .unreadable(problem)
        } else if let chain = job.chain {
            outcome = .chained(isRight: chain.isRight(PieceIndex(unchecked: lane.piece), chained[index]))
        } else {
            outcome = .hashed(v1: digest, v2: job.hasV2 ? root(of: lane) : nil)
        }
        if !job.finish(lane.piece, outcome) { state.stop() }
    }

    /// The node that covers the piece: the root of the whole tree if the file is shorter than a piece.
    private func root(of lane: Lane) -> SHA256Digest {
        let stretch = job.line.stretches[job.line.piece(lane.piece).stretch]
        let isWholeFile = stretch.length <= Int64(job.line.pieceLength)
        let leafCount = isWholeFile ? lane.leaves.count : job.line.pieceLength / MerkleTree.leafSize
        return MerkleTree.root(ofLeaves: lane.leaves, leafCount: leafCount)
    }
}

/// The digests of a full piece of zeros, of which sparse files have many.
struct ZeroPiece: Sendable {
    let v1: SHA1Digest?
    let v2: SHA256Digest?

    init(_ job: HashJob) {
        let zeros = [UInt8](repeating: 0, count: min(job.line.pieceLength, 1 << 20))
        if job.hasV1 {
            var stream = SHA1Streams(laneCount: 1)
            var left = job.line.pieceLength
            zeros.withUnsafeBytes { bytes in
                while left > 0 {
                    stream.update([UnsafeRawBufferPointer(rebasing: bytes[..<min(left, bytes.count)])])
                    left -= min(left, bytes.count)
                }
            }
            v1 = stream.finish(0)
        } else {
            v1 = nil
        }
        if job.hasV2 {
            let leaf = SHA256.digest(Array(zeros.prefix(MerkleTree.leafSize)))
            let count = job.line.pieceLength / MerkleTree.leafSize
            v2 = MerkleTree.root(ofLeaves: [SHA256Digest](repeating: leaf, count: count), leafCount: count)
        } else {
            v2 = nil
        }
    }
}
