import Bencode
import Metainfo
import Testing
import Text

@Suite struct HostileTorrentTests {
    @Test(arguments: try BadTorrent.all())
    func `is refused with the right error`(_ bad: BadTorrent) {
        do {
            _ = try Torrent.parse(bad.bytes)
            Issue.record("was accepted")
        } catch {
            #expect(bad.isExpected(error), "refused with \(error)")
            #expect(!error.description.isEmpty)
        }
    }

    @Test func `a countless number of pieces is refused before anything is allocated`() throws {
        let info: BencodeValue = [
            "file tree": [
                "x": ["": ["length": .integer(1 << 60), "pieces root": .data([UInt8](repeating: 1, count: 32))]]
            ],
            "meta version": 2, "name": "x", "piece length": 16384,
        ]
        #expect(throws: MetainfoError.tooManyPieces(limit: 4 << 20)) { try Info.parse(Bencode.encode(info)) }
    }

    @Test func `more files than allowed are refused`() throws {
        var limits = MetainfoLimits.standard
        limits.maxFiles = 5
        for version in Info.Version.allCases {
            let bytes = try Sample.directory(version).info.bytes
            #expect(throws: MetainfoError.tooManyFiles(limit: 5)) { try Info.parse(bytes, limits: limits) }
        }
    }

    @Test func `many trackers and web seeds are cut off`() throws {
        var torrent = try Sample.single(.v1)
        torrent.trackers = (0..<5000).map { ["http://\($0).example/"] }
        torrent.webSeeds = (0..<5000).map { "http://\($0).example/" } + [String(repeating: "x", count: 5000)]
        let back = try Torrent.parse(torrent.encode())
        #expect(back.trackers.count == 1000)
        #expect(back.webSeeds.count == 1000)
    }

    @Test func `what stands around the info dictionary may be nonsense`() throws {
        let decoded = try Bencode.decode(try Sample.single(.v1).encode())
        for key in ["announce", "announce-list", "url-list", "comment", "created by", "creation date", "nodes"] {
            for value: BencodeValue in [-1, "", [], [:], [[[]]], .data([0xff, 0, 0x0a])] {
                let torrent = try Torrent.parse(Bencode.encode(decoded.replacing([key], with: value)))
                #expect(torrent.trackers.isEmpty && torrent.webSeeds.isEmpty)
            }
        }
    }

    @Test func `mutilated torrents never trap`() throws {
        var random = SeededGenerator(seed: 3)
        let originals = try Info.Version.allCases.flatMap {
            [try Sample.directory($0).encode(), try Sample.single($0).encode()]
        }
        for _ in 0..<6000 {
            var bytes = originals[random.below(originals.count)]
            for _ in 0...random.below(4) {
                let at = random.below(bytes.count)
                switch random.below(4) {
                case 0: bytes[at] = UInt8(truncatingIfNeeded: random.next())
                case 1: bytes.remove(at: at)
                case 2: bytes.insert(Array("0123456789iled:-./".utf8)[random.below(18)], at: at)
                default: bytes.removeSubrange(at..<min(bytes.count, at + random.below(40)))
                }
                if bytes.isEmpty { bytes = [UInt8(ascii: "d")] }
            }
            guard let torrent = try? Torrent.parse(bytes) else { continue }
            for piece in torrent.info.layout.pieces { _ = torrent.info.layout.spans(of: piece) }
            _ = torrent.problems()
            let again = try Torrent.parse(torrent.encode())
            #expect(again.info.hashes == torrent.info.hashes)
        }
    }
}
