import Blobs
import Files
import Glibc
import Hashing
import Metainfo
import Synchronization
import Threads

/// The result of checking a blob on the disk.
enum BlobFinding: Sendable {
    case right
    /// The pieces with these indices are damaged.
    case bad(BlobInfo, Set<Int>)
    /// The blob's bytes are intact, but its torrent file is wrong or missing. This is the right torrent.
    case wrongInfo(BlobInfo)
    /// The blob is damaged, and has no torrent that tells which pieces are.
    case ruined
    case gone
    /// The check was stopped before its end.
    case stopped
}

/// Reads a blob and verifies each piece.
struct BlobCheck: Sendable {
    let directory: BlobDirectory
    let digest: SHA256Digest
    /// The most bytes to read per second; nil for no limit.
    let rate: Double?
    let isStopped: @Sendable () -> Bool

    private static let blockBytes = 1 << 20

    /// Checks the whole blob. Blocks.
    /// - Parameter progress: called with the number of bytes of each read.
    func run(_ progress: (Int64) -> Void) throws(SystemError) -> BlobFinding {
        guard let file = try directory.open(digest) else { return .gone }
        let size = try file.status().size
        if digest == BlobInfo.emptyDigest { return size == 0 ? .right : .ruined }
        guard let bytes = try directory.info(of: digest),
            let info = try? BlobInfo.parse(bytes, expecting: InfoExpectation(blob: digest))
        else { return try whole() }
        var pace = Pace(rate: rate, now: Clocks.steadySeconds)
        var bad: Set<Int> = []
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.blockBytes, alignment: 64)
        defer { buffer.deallocate() }
        for piece in 0..<info.chain.pieceCount {
            guard !isStopped() else { return .stopped }
            let isRight = check(info.chain, piece, file, buffer) { count in
                progress(count)
                let pause = pace.pause(after: count, now: Clocks.steadySeconds)
                if pause > 0 { Self.sleep(pause) }
            }
            if !isRight { bad.insert(piece) }
        }
        if bad.isEmpty {
            // Bytes after the blob's end do not belong to it.
            if size > info.length { try directory.truncate(digest, to: info.length) }
            return .right
        }
        // If a hash state in the torrent is wrong, the pieces next to it look damaged although the bytes are intact.
        if size == info.length, let right = try BlobReader.info(of: digest, in: directory) { return .wrongInfo(right) }
        return .bad(info, bad)
    }

    /// Checks one piece. Nil when the blob or its torrent is missing, or there is no such piece.
    func isRight(piece: Int) throws(SystemError) -> Bool? {
        guard let file = try directory.open(digest), let bytes = try directory.info(of: digest),
            let info = try? BlobInfo.parse(bytes, expecting: InfoExpectation(blob: digest)),
            (0..<info.chain.pieceCount).contains(piece)
        else { return nil }
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.blockBytes, alignment: 64)
        defer { buffer.deallocate() }
        return check(info.chain, piece, file, buffer) { _ in }
    }

    private func whole() throws(SystemError) -> BlobFinding {
        try BlobReader.info(of: digest, in: directory).map { .wrongInfo($0) } ?? .ruined
    }

    /// Whether a piece is intact. A piece that cannot be read counts as damaged.
    private func check(
        _ chain: SHA256Chain, _ index: Int, _ file: HeldFile, _ buffer: UnsafeMutableRawBufferPointer,
        _ progress: (Int64) -> Void
    ) -> Bool {
        let piece = PieceIndex(unchecked: index)
        guard var stream = chain.stream(for: piece) else { return false }
        var position = Int64(index) * Int64(chain.pieceLength)
        let end = position + Int64(chain.length(of: piece))
        while position < end {
            let wanted = Int(min(Int64(buffer.count), end - position))
            let part = UnsafeMutableRawBufferPointer(rebasing: buffer[..<wanted])
            guard let got = try? file.read(into: part, at: position), got == wanted else { return false }
            stream.update(UnsafeRawBufferPointer(part))
            position += Int64(got)
            progress(Int64(got))
        }
        return chain.isRight(piece, stream)
    }

    private static func sleep(_ seconds: Double) { usleep(UInt32(min(seconds, 1) * 1e6)) }
}

/// Computes the pauses that keep reading within a rate in bytes per second. Pure.
struct Pace: Sendable {
    let rate: Double?
    /// The time at which the bytes that have been read are within the rate, in seconds of a monotonic clock.
    private var due: Double

    init(rate: Double?, now: Double) {
        self.rate = rate
        due = now
    }

    mutating func pause(after bytes: Int64, now: Double) -> Double {
        guard let rate, rate > 0 else { return 0 }
        // After a delay, reading does not catch up by more than a second's bytes.
        due = max(due, now - 1) + Double(bytes) / rate
        return max(0, due - now)
    }
}
