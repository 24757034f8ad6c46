import Glibc
import HTTPOrigin
import Metainfo
import NIOCore
import Testing

/// A run of bytes is asked for file by file.
@Suite struct RangeWalks {
    private func ranges(_ layout: ContentLayout, _ run: Range<Int64>) async -> [Int] {
        var files: [Int] = []
        let outcome = await layout.fetch(run) { _ in
            true
        } body: { range, _ in
            files.append(range.file)
            return .complete
        }
        #expect(outcome == .complete)
        return files
    }

    @Test func `a million empty files between two others are not walked through`() async throws {
        var files = [FileEntry(path: try SafePath("a"), length: 150, offset: 0)]
        let empty = try SafePath("e")
        for _ in 0..<999_998 { files.append(FileEntry(path: empty, length: 0, offset: 0)) }
        files.append(FileEntry(path: try SafePath("z"), length: 50, offset: 0))
        let layout = try ContentLayout(pieceLength: 100, files: files)
        let begin = ContinuousClock.now
        for _ in 0..<200 { #expect(await ranges(layout, 100..<200) == [0, 999_999]) }
        // A walk through all of them each time takes minutes.
        #expect(ContinuousClock.now - begin < .seconds(20))
    }

    @Test(arguments: [false, true]) func `files are visited in order and empty ones not at all`(aligned: Bool)
        async throws
    {
        let lengths: [Int64] = [0, 30, 0, 0, 250, 0, 100, 0]
        let layout = try ContentLayout(
            pieceLength: 100,
            files: try lengths.enumerated().map { FileEntry(path: try SafePath("f\($0)"), length: $1, offset: 0) },
            alignsFiles: aligned)
        #expect(await ranges(layout, 0..<layout.extent) == [1, 4, 6])
        #expect(await ranges(layout, layout.files[4].offset..<layout.extent) == [4, 6])
        #expect(await ranges(layout, layout.extent..<layout.extent + 10) == [])
        // In aligned content the gap behind the first file belongs to none.
        if aligned { #expect(await ranges(layout, 40..<layout.files[4].end) == [4]) }
    }
}
