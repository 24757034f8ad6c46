import Files
import Glibc
import Hashing
import Metainfo

/// One thread of a pass: one or two files at a time, each with a lane for its own digest and one for its pieces in each
/// torrent. Files are read in blocks that stay in the cache while SHA-1 processes all lanes together.
struct PassWorker: ~Copyable {
    /// Bytes read at a time.
    static let blockBytes = 256 << 10

    private struct Slot {
        let file: Int
        let length: Int64
        let opened: HeldFile
        var position: Int64 = 0
        /// Bytes in the slot's buffer.
        var filled = 0
        /// For each place of the file, the v2 leaves of the current piece.
        var leaves: [[SHA256Digest]]
    }

    private let shared: PassShared
    private let state: HashState
    private let order: [Int]
    // `init` allocates this buffer, only this thread uses it, and it is freed with this value.
    private let memory: UnsafeMutableRawPointer
    private var streams: SHA1Streams
    private var slots: [Slot?]
    private let lanesPerSlot: Int
    /// For each line, the lane of a slot that hashes its pieces. Nil if most of its pieces are skipped: the few others
    /// are assembled separately, because an idle lane slows the others down.
    private let pieceLanes: [Int?]

    /// Nil if there is not enough memory.
    init?(_ shared: PassShared, _ state: HashState, order: [Int]) {
        self.shared = shared
        self.state = state
        self.order = order
        var lanes = 1
        pieceLanes = shared.pass.lines.map { line in
            guard line.version.hasV1, line.skippedPieces == 0 else { return nil }
            lanes += 1
            return lanes - 1
        }
        lanesPerSlot = lanes
        let count = max(1, SHA1Streams.mostLanes / lanesPerSlot)
        var memory: UnsafeMutableRawPointer?
        guard posix_memalign(&memory, 4096, Self.blockBytes * count) == 0, let memory else { return nil }
        self.memory = memory
        slots = [Slot?](repeating: nil, count: count)
        streams = SHA1Streams(laneCount: count * lanesPerSlot)
    }

    deinit {
        free(memory)
    }

    mutating func run() {
        var isWorking = true
        while isWorking, !state.isStopped {
            isWorking = false
            for index in slots.indices {
                if slots[index] == nil { start(index) }
                guard slots[index] != nil else { continue }
                fill(index)
                isWorking = true
            }
            hash()
            for index in slots.indices { advance(index) }
        }
    }

    private func fail(_ file: Int, _ problem: ReadProblem) {
        state.stop(problem.authoringError(path: shared.pass.content.displayPath(of: shared.pass.content.files[file])))
    }

    private mutating func start(_ index: Int) {
        while let position = state.nextIndex(of: order.count) {
            let file = order[position]
            let scanned = shared.pass.content.files[file]
            guard scanned.length > 0 else { continue }
            do throws(SystemError) {
                let opened = try HeldFile(shared.pass.content.systemPath(of: scanned), .followSymlink)
                slots[index] = Slot(
                    file: file, length: scanned.length, opened: opened,
                    leaves: shared.places[file].map { _ in [] })
                guard DeviceStamp(try opened.status()) == scanned.identity else {
                    return fail(file, .changed)
                }
                opened.willBeReadInOrder()
            } catch {
                fail(file, .system(operation: "open", error))
            }
            return
        }
    }

    /// Reads a slot's next block, which ends at the latest where a piece of any line ends.
    private mutating func fill(_ index: Int) {
        guard let slot = slots[index] else { return }
        var end = min(slot.length, slot.position + Int64(Self.blockBytes))
        for place in shared.places[slot.file] {
            let length = Int64(shared.pass.lines[place.line].layout.pieceLength)
            end = min(end, ((place.offset + slot.position) / length + 1) * length - place.offset)
        }
        let buffer = UnsafeMutableRawBufferPointer(
            start: memory + index * Self.blockBytes, count: Int(end - slot.position))
        do throws(SystemError) {
            guard try slot.opened.read(into: buffer, at: slot.position) == buffer.count else {
                return fail(slot.file, .changed)
            }
        } catch {
            return fail(slot.file, .system(operation: "read", error))
        }
        slots[index]?.filled = buffer.count
    }

    private func block(_ index: Int) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: memory + index * Self.blockBytes, count: slots[index]?.filled ?? 0)
    }

    /// The position of a slot's block in a line.
    private func target(_ place: PassShared.Place, _ slot: Slot) -> Target {
        let line = shared.pass.lines[place.line]
        let start = place.offset + slot.position
        let length = Int64(line.layout.pieceLength)
        let piece = Int(start / length)
        let first = Int64(piece) * length
        let file = line.layout.files[place.file]
        let pieceEnd = first + Int64(line.layout.piece(piece).map { line.layout.length(of: $0) } ?? 0)
        return Target(
            piece: piece, offset: Int(start - first),
            isInOneFile: file.offset <= first && pieceEnd <= file.end,
            isWanted: line.version.hasV1 && piece >= line.skippedPieces,
            end: min(pieceEnd, file.end) - place.offset)
    }

    private struct Target {
        let piece: Int
        let offset: Int
        let isInOneFile: Bool
        let isWanted: Bool
        /// End of the piece's part in this file, from the start of the file.
        let end: Int64
    }

    private mutating func hash() {
        let nothing = UnsafeRawBufferPointer(start: nil, count: 0)
        var parts = [UnsafeRawBufferPointer](repeating: nothing, count: slots.count * lanesPerSlot)
        for index in slots.indices {
            guard let slot = slots[index], slot.filled > 0 else { continue }
            let block = block(index)
            if shared.pass.wanted.contains(slot.file) { parts[index * lanesPerSlot] = block }
            for (number, place) in shared.places[slot.file].enumerated() {
                let target = target(place, slot)
                if target.isWanted {
                    if target.isInOneFile, let lane = pieceLanes[place.line] {
                        parts[index * lanesPerSlot + lane] = block
                    } else {
                        shared.gathering[place.line].add(block, to: target.piece, at: target.offset)
                    }
                }
                guard shared.pass.lines[place.line].version.hasV2 else { continue }
                let leaves = stride(from: 0, to: block.count, by: MerkleTree.leafSize).map {
                    UnsafeRawBufferPointer(rebasing: block[$0..<min($0 + MerkleTree.leafSize, block.count)])
                }
                slots[index]?.leaves[number] += SHA256.digests(leaves)
            }
        }
        streams.update(parts)
    }

    /// Advances past the hashed block, and stores the digests of everything that ended with it.
    private mutating func advance(_ index: Int) {
        guard let slot = slots[index], slot.filled > 0 else { return }
        let position = slot.position + Int64(slot.filled)
        state.add(slot.filled)
        for (number, place) in shared.places[slot.file].enumerated() {
            let target = target(place, slot)
            guard position == target.end else { continue }
            if target.isWanted, target.isInOneFile, let lane = pieceLanes[place.line],
                let digest = streams.finish(index * lanesPerSlot + lane)
            {
                shared.v1[place.line].set(target.piece, to: digest)
            }
            let line = shared.pass.lines[place.line]
            if line.version.hasV2, let leaves = slots[index]?.leaves[number] {
                let isWholeFile = slot.length <= Int64(line.layout.pieceLength)
                let count = isWholeFile ? leaves.count : line.layout.pieceLength / MerkleTree.leafSize
                shared.v2[place.line].set(target.piece, to: MerkleTree.root(ofLeaves: leaves, leafCount: count))
                slots[index]?.leaves[number] = []
            }
        }
        slots[index]?.position = position
        slots[index]?.filled = 0
        if position == slot.length { finish(index, slot) }
    }

    private mutating func finish(_ index: Int, _ slot: Slot) {
        slots[index] = nil
        if shared.pass.wanted.contains(slot.file), let digest = streams.finish(index * lanesPerSlot) {
            shared.fileDigests.set(slot.file, to: digest)
        }
        // A change between the first read and the last would leave digests of two contents.
        guard let status = try? slot.opened.status(),
            DeviceStamp(status) == shared.pass.content.files[slot.file].identity
        else { return fail(slot.file, .changed) }
    }
}
