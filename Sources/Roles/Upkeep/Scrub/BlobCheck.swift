import Blobs
import Files
import Glibc
import Hashing
import Metainfo
import Synchronization
import Threads

/// What a look at a blob on the disk found.
enum BlobFinding: Sendable {
    case right
    /// These pieces are wrong.
    case bad(BlobInfo, Set<Int>)
    /// Its bytes are right, and its torrent was not: this is the right one.
    case wrongInfo(BlobInfo)
    /// Its bytes are wrong, and it has no torrent that says where.
    case ruined
    case gone
    /// It was not looked at to the end.
    case stopped
}

/// Reads a blob and holds each piece against its digest.
struct BlobCheck: Sendable {
    let directory: BlobDirectory
    let digest: SHA256Digest
    /// Bytes per second; nil for as fast as it goes.
    let rate: Double?
    let isStopped: @Sendable () -> Bool

    private static let blockBytes = 1 << 20

    /// Blocks.
    /// - Parameter progress: is told of bytes as they are read.
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
            // Bytes behind the end are nobody's.
            if size > info.length { try directory.truncate(digest, to: info.length) }
            return .right
        }
        // Where a state of the chain is wrong, the pieces beside it seem so.
        if size == info.length, let right = try BlobReader.info(of: digest, in: directory) { return .wrongInfo(right) }
        return .bad(info, bad)
    }

    /// A look at one piece. Nil when that cannot be said.
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

    /// A piece that the disk does not give is wrong too.
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

/// How long to wait so that no more than so many bytes a second are read. Pure.
struct Pace: Sendable {
    let rate: Double?
    /// When the bytes until now may have been read.
    private var due: Double

    init(rate: Double?, now: Double) {
        self.rate = rate
        due = now
    }

    mutating func pause(after bytes: Int64, now: Double) -> Double {
        guard let rate, rate > 0 else { return 0 }
        // What was not read in time is not made up for.
        due = max(due, now - 1) + Double(bytes) / rate
        return max(0, due - now)
    }
}
