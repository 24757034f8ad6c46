import Metainfo
import Testing

@Suite struct ProblemTests {
    private func kinds(_ torrent: Torrent) -> [TorrentProblem.Kind] { torrent.problems().map(\.kind) }

    @Test func `an ordinary torrent has none`() throws {
        for version in Info.Version.allCases {
            #expect(kinds(try Sample.directory(version) { $0.trackers = [["http://a/"]] }).isEmpty)
        }
    }

    @Test func `trackers that are missing or unknown are told`() throws {
        #expect(kinds(try Sample.single(.v1)) == [.noTracker])
        #expect(kinds(try Sample.single(.v1) { $0.isPrivate = true }) == [.privateWithoutTracker])
        #expect(kinds(try Sample.single(.v1) { $0.trackers = [["wss://a/", "UDP://b:1"]] }) == [.ignored])
    }

    @Test func `odd piece lengths are told`() throws {
        #expect(
            kinds(try Sample.single(.v1, pieceLength: 20_000) { $0.trackers = [["http://a/"]] }) == [.oddPieceLength])
    }

    @Test func `names come escaped and bounded`() throws {
        let files = (0..<30).map { Sample.File(path: "x\($0)?\u{1b}", length: 1) }
        let problems = try Sample.directory(.v1, files: files) { $0.trackers = [["http://a/"]] }.problems()
        #expect(problems.filter { $0.kind == .windowsName }.count == 6)
        #expect(problems.contains { $0.message == "and 25 more like this" })
        #expect(problems.allSatisfy { problem in problem.message.utf8.allSatisfy { $0 >= 0x20 } })
    }

    @Test func `layers that are missing are told`() throws {
        let torrent = Torrent(info: try Sample.directory(.v2).info, trackers: [["http://a/"]])
        #expect(kinds(torrent) == [.missingPieceLayers])
    }
}
