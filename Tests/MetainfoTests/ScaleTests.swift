import Glibc
import Metainfo
import Testing

/// Four times as many files take about four times as long, not sixteen times.
@Suite struct ManyFiles {
    private func torrent(_ count: Int, _ version: Info.Version) throws -> Torrent {
        let files = (0..<count).map { Sample.File(path: "d\($0 % 97)/sub/f\($0)", length: $0 % 5 == 0 ? 0 : 40) }
        return try Sample.directory(version, files: files) { $0.trackers = [["http://a/"]] }
    }

    /// Seconds of this thread.
    private func time(_ body: () throws -> Void) rethrows -> Double {
        func now() -> Double {
            var time = timespec()
            clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
            return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
        }
        let begin = now()
        try body()
        return now() - begin
    }

    private func expectLinear(_ body: (Int) throws -> Void) rethrows {
        try body(500)
        let few = try time { try body(2_000) }
        let many = try time { try body(8_000) }
        #expect(many < 9 * few + 0.2)
    }

    @Test(arguments: Info.Version.allCases)
    func `a torrent is made, written, read and judged in a time that grows with its files`(version: Info.Version) throws
    {
        try expectLinear { count in
            let torrent = try torrent(count, version)
            let again = try Torrent.parse(torrent.encode())
            #expect(again.info.layout.files.count >= count)
            _ = again.problems()
            _ = again.pieceHashes.filesMissingLayers
        }
    }

    @Test(arguments: Info.Version.allCases)
    func `pieces are found in their files in a time that grows with the pieces`(version: Info.Version) throws {
        let (few, many) = (try torrent(2_000, version), try torrent(8_000, version))
        func look(_ torrent: Torrent) {
            let layout = torrent.info.layout
            for piece in layout.pieces {
                _ = layout.spans(of: piece)
                _ = layout.isPadding(piece, 0..<16)
                _ = torrent.pieceHashes.canVerify(piece)
            }
            for file in layout.files.indices { _ = layout.pieces(ofFile: file) }
        }
        let first = time { look(few) }
        let second = time { look(many) }
        #expect(second < 9 * first + 0.2)
    }
}
