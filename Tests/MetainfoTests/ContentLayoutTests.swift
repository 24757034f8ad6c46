import Glibc
import Hashing
import Metainfo
import Testing
import Text

@Suite struct ContentLayoutTests {
    private func layout(_ lengths: [Int64], padding: Set<Int> = [], aligned: Bool = false) throws -> ContentLayout {
        try ContentLayout(
            pieceLength: 100,
            files: lengths.enumerated().map { index, length in
                FileEntry(
                    path: try SafePath("f\(index)"), length: length, isPadding: padding.contains(index), offset: 0)
            }, alignsFiles: aligned)
    }

    @Test func `files follow each other in v1`() throws {
        let layout = try layout([150, 0, 30, 120])
        #expect(layout.pieceCount == 3)
        #expect(layout.files.map(\.offset) == [0, 150, 150, 180])
        #expect(layout.pieces.map { layout.length(of: $0) } == [100, 100, 100])
        #expect(
            layout.spans(of: layout.pieces[1]) == [
                FileSpan(file: 0, fileOffset: 100, length: 50, pieceOffset: 0, isPadding: false),
                FileSpan(file: 2, fileOffset: 0, length: 30, pieceOffset: 50, isPadding: false),
                FileSpan(file: 3, fileOffset: 0, length: 20, pieceOffset: 80, isPadding: false),
            ])
        #expect(layout.pieces(ofFile: 0) == 0..<2)
        #expect(layout.pieces(ofFile: 1).isEmpty)
        #expect(layout.pieces(ofFile: 3) == 1..<3)
    }

    @Test func `empty files between two others are not walked through for each block`() throws {
        var files = [FileEntry(path: try SafePath("a"), length: 150, offset: 0)]
        files.reserveCapacity(1_000_001)
        let empty = try SafePath("e")
        for _ in 0..<999_998 { files.append(FileEntry(path: empty, length: 0, offset: 0)) }
        files.append(FileEntry(path: try SafePath("z"), length: 50, isPadding: true, offset: 0))
        let layout = try ContentLayout(pieceLength: 100, files: files)
        let begin = Self.processorTime
        for _ in 0..<1_000 {
            #expect(
                layout.spans(of: layout.pieces[1]) == [
                    FileSpan(file: 0, fileOffset: 100, length: 50, pieceOffset: 0, isPadding: false),
                    FileSpan(file: 999_999, fileOffset: 0, length: 50, pieceOffset: 50, isPadding: true),
                ])
            #expect(!layout.isPadding(layout.pieces[1], 49..<100))
            #expect(layout.isPadding(layout.pieces[1], 50..<100))
        }
        #expect(Self.processorTime - begin < 5)
    }

    /// Seconds of this thread.
    private static var processorTime: Double {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    /// The same by looking at every file.
    private func spansByWalking(_ layout: ContentLayout, _ piece: PieceIndex) -> [FileSpan] {
        let start = layout.offset(of: piece)
        let end = start + Int64(layout.length(of: piece))
        return layout.files.indices.compactMap { file in
            let entry = layout.files[file]
            let (low, high) = (max(start, entry.offset), min(end, entry.end))
            guard low < high else { return nil }
            return FileSpan(
                file: file, fileOffset: low - entry.offset, length: Int(high - low), pieceOffset: Int(low - start),
                isPadding: entry.isPadding)
        }
    }

    @Test(arguments: 0..<50) func `spans and padding are those found by looking at every file`(seed: Int) throws {
        var random = SeededGenerator(seed: UInt64(seed))
        let lengths = (0..<30).map { _ in random.below(2) == 0 ? 0 : Int64(random.below(260)) } + [1]
        let padding = Set((0..<10).map { _ in random.below(30) })
        for aligned in [false, true] {
            let layout = try layout(lengths, padding: aligned ? [] : padding, aligned: aligned)
            for piece in layout.pieces {
                let spans = spansByWalking(layout, piece)
                #expect(layout.spans(of: piece) == spans)
                let isPadding = !aligned && spans.allSatisfy(\.isPadding)
                #expect(layout.isPadding(piece, 0..<100) == isPadding)
            }
        }
    }

    @Test func `each file starts a piece in v2`() throws {
        let layout = try layout([0, 150, 0, 30, 100], aligned: true)
        #expect(layout.files.map(\.offset) == [0, 0, 200, 200, 300])
        #expect(layout.pieces.map { layout.length(of: $0) } == [100, 50, 30, 100])
        #expect(layout.spans(of: layout.pieces[2]).map(\.file) == [3])
        #expect(layout.fileIndex(at: 160) == nil)
        #expect(layout.totalLength == 280)
        #expect(!layout.isPadding(layout.pieces[1], 0..<50))
    }

    @Test func `only ranges wholly of padding are padding`() throws {
        let layout = try layout([30, 70, 250, 0, 50, 20], padding: [1, 4])
        #expect(layout.isPadding(layout.pieces[0], 30..<100))
        #expect(layout.isPadding(layout.pieces[0], 30..<1000))
        #expect(!layout.isPadding(layout.pieces[0], 29..<100))
        #expect(layout.isPadding(layout.pieces[3], 50..<100))
        #expect(!layout.isPadding(layout.pieces[4], 0..<20))
        #expect(!layout.isPadding(layout.pieces[4], 20..<90))
        #expect(layout.spans(of: layout.pieces[0]).map(\.isPadding) == [false, true])
        #expect(layout.totalLength == 300)
    }

    @Test func `indices out of range give nothing`() throws {
        let layout = try layout([150])
        #expect(layout.piece(-1) == nil)
        #expect(layout.piece(2) == nil)
        #expect(layout.piece(1)?.value == 1)
        for value in [-1, 2, Int(Int32.max)] {
            let piece = PieceIndex(unchecked: value)
            #expect(layout.length(of: piece) == 0)
            #expect(layout.spans(of: piece, in: 0..<10).isEmpty)
            #expect(!layout.isPadding(piece, 0..<10))
        }
        #expect(layout.pieces(ofFile: 7).isEmpty)
        #expect(layout.spans(of: layout.pieces[1], in: 40..<400).map(\.length) == [10])
        #expect(layout.spans(of: layout.pieces[1], in: 50..<60).isEmpty)
    }

    @Test func `spans agree with a walk over every byte`() throws {
        var random = SeededGenerator(seed: 5)
        for _ in 0..<200 {
            let lengths = (0..<1 + random.below(12)).map { _ in Int64(random.below(4) == 0 ? 0 : random.below(260)) }
            guard lengths.contains(where: { $0 > 0 }) else { continue }
            let layout = try layout(lengths, aligned: random.below(2) == 0)
            var owner: [Int64: (file: Int, offset: Int64)] = [:]
            for (index, file) in layout.files.enumerated() {
                for byte in 0..<file.length { owner[file.offset + byte] = (index, byte) }
            }
            var seen = 0
            for piece in layout.pieces {
                let length = layout.length(of: piece)
                let lower = random.below(length)
                let range = lower..<lower + random.below(length - lower) + 1
                var next = range.lowerBound
                for span in layout.spans(of: piece, in: range) {
                    #expect(span.pieceOffset == next)
                    for byte in 0..<span.length {
                        let place = owner[layout.offset(of: piece) + Int64(span.pieceOffset + byte)]
                        #expect(place?.file == span.file && place?.offset == span.fileOffset + Int64(byte))
                    }
                    next += span.length
                }
                #expect(next == range.upperBound)
                seen += length
            }
            #expect(Int64(seen) == lengths.reduce(0, +))
        }
    }

    @Test func `a file over a hundred gigabytes has its place`() throws {
        let length: Int64 = 300 << 30
        let layout = try ContentLayout(
            pieceLength: 16 << 20, files: [FileEntry(path: .empty, length: length + 1, offset: 0)])
        #expect(layout.pieceCount == 19201)
        #expect(layout.length(of: layout.pieces[19200]) == 1)
        #expect(layout.spans(of: layout.pieces[19199]).first?.fileOffset == length - (16 << 20))
    }
}
