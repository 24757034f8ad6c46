import Metainfo
import Synchronization

/// The reading part of a check: workers take batches of pieces from one list, read and hash them.
final class PieceReading: Sendable {
    struct Findings: Sendable {
        var right: PieceSet
        var wrong: PieceSet
        var hashedBytes: Int64 = 0
        var failure: StorageError?
        var isCancelled = false
        var done: Int64
        var next = 0
    }

    private let check: ContentCheck
    private let pieces: [PieceIndex]
    private let total: Int64
    private let progress: @Sendable (CheckProgress) -> Void
    private let isCancelled: @Sendable () -> Bool
    private let zeros: ZeroPieces
    private let extents: ExtentMap
    private let findings: Mutex<Findings>

    init(
        check: ContentCheck, pieces: [PieceIndex], done: Int64, total: Int64,
        progress: @escaping @Sendable (CheckProgress) -> Void, isCancelled: @escaping @Sendable () -> Bool
    ) {
        self.check = check
        self.pieces = pieces
        self.total = total
        self.progress = progress
        self.isCancelled = isCancelled
        zeros = ZeroPieces(check.hashes)
        extents = ExtentMap(check.files)
        let none = PieceSet(size: check.files.layout.pieceCount)
        findings = Mutex(Findings(right: none, wrong: none, done: done))
    }

    private var layout: ContentLayout { check.files.layout }

    func run(_ parallelism: Parallelism) -> Findings {
        if !pieces.isEmpty {
            let affordable = check.files.limits.checkBytes / max(1, batchSize * layout.pieceLength)
            let workers = min(parallelism.width, pieces.count, max(1, affordable))
            parallelism.run(workers) { [self] _ in work() }
        }
        return findings.withLock { $0 }
    }

    /// Number of pieces in a batch: enough to hash several together, few enough to bound memory.
    private var batchSize: Int {
        let limits = check.files.limits
        return max(1, min(limits.checkBatchPieces, limits.checkBatchBytes / max(1, layout.pieceLength)))
    }

    private func work() {
        let size = batchSize
        let slot = layout.pieceLength
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: size * slot, alignment: 4096)
        defer { memory.deallocate() }
        while true {
            let range = findings.withLock { found -> Range<Int> in
                if found.isCancelled { return 0..<0 }
                let start = found.next
                found.next = min(pieces.count, start + size)
                return start..<found.next
            }
            if range.isEmpty { return }
            if isCancelled() {
                findings.withLock { $0.isCancelled = true }
                return
            }
            examine(pieces[range], memory, slot: slot)
        }
    }

    private func examine(_ batch: ArraySlice<PieceIndex>, _ memory: UnsafeMutableRawBufferPointer, slot: Int) {
        var right: [PieceIndex] = []
        var wrong: [PieceIndex] = []
        var failure: StorageError?
        var toHash: [(PieceIndex, UnsafeRawBufferPointer)] = []
        for piece in batch {
            do {
                if try isHole(piece) {
                    let judgement = zeros.judge(piece)
                    if judgement == .zeros { right.append(piece) }
                    if judgement != .unproven { continue }
                }
                let start = toHash.count * slot
                let part = UnsafeMutableRawBufferPointer(rebasing: memory[start..<start + layout.length(of: piece)])
                try check.files.read(piece, 0..<part.count, into: part)
                toHash.append((piece, UnsafeRawBufferPointer(part)))
            } catch {
                if failure == nil { failure = error }
            }
        }
        for ((piece, _), isRight) in zip(toHash, check.hashes.verify(toHash)) {
            if isRight {
                right.append(piece)
            } else if check.hashes.canVerify(piece), (try? hasHole(piece)) == false {
                wrong.append(piece)
            }
        }
        let hashed = toHash.reduce(0) { $0 + Int64($1.1.count) }
        let bytes = batch.reduce(0) { $0 + Int64(layout.length(of: $1)) }
        findings.withLock { found in
            for piece in right { found.right.insert(piece) }
            for piece in wrong { found.wrong.insert(piece) }
            found.hashedBytes += hashed
            found.done += bytes
            if found.failure == nil { found.failure = failure }
            // Under the lock, so that it is called by one thread at a time and never decreases.
            progress(CheckProgress(done: found.done, total: total))
        }
    }

    /// Whether a piece is completely a hole.
    private func isHole(_ piece: PieceIndex) throws(StorageError) -> Bool {
        for span in layout.spans(of: piece) where !span.isPadding {
            if try !extents.isHole(span.file, span.fileOffset..<span.fileOffset + Int64(span.length)) {
                return false
            }
        }
        return true
    }

    /// Whether a piece contains a hole.
    private func hasHole(_ piece: PieceIndex) throws(StorageError) -> Bool {
        for span in layout.spans(of: piece) where !span.isPadding {
            if try extents.hasHole(span.file, span.fileOffset..<span.fileOffset + Int64(span.length)) {
                return true
            }
        }
        return false
    }
}
