import Bencode
import Metainfo
import Testing
import Text

/// What stands around an info dictionary, as real torrents have it: no hash is taken of it.
@Suite struct OuterKeysTests {
    private static let info = "d6:lengthi1e4:name1:a12:piece lengthi16384e6:pieces20:aaaaaaaaaaaaaaaaaaaae"

    private func parse(_ text: String) throws -> Torrent { try Torrent.parse(Array(text.utf8)) }

    /// The problems that a person is told of as ignored.
    private func ignored(_ torrent: Torrent) -> String {
        torrent.problems().filter { $0.kind == .ignored }.map(\.message).joined(separator: "\n")
    }

    @Test(arguments: ["\n", "\r\n", "  \t", "\0\0\0", "\n\n"])
    func `blanks behind the file are nothing`(_ tail: String) throws {
        let torrent = try parse("d4:info\(Self.info)e\(tail)")
        #expect(torrent.info.bytes == Array(Self.info.utf8))
        #expect(String(decoding: torrent.encode(), as: UTF8.self) == "d4:info\(Self.info)e")
    }

    @Test func `a byte order mark and blanks before the file are nothing`() throws {
        #expect(try parse("\u{feff}d4:info\(Self.info)e").info.bytes == Array(Self.info.utf8))
        #expect(try parse("\r\n d4:info\(Self.info)e").info.bytes == Array(Self.info.utf8))
    }

    @Test func `a torrent of a real release has everything at once`() throws {
        // Keys unsorted and twice, numbers with zeros, a comment in another encoding, an empty web seed, a DHT node.
        var text = Array("d7:comment4:caf".utf8) + [0xe9]
        text += Array(
            ("13:creation datei01500000000e8:announce16:http://t/a?k=1 213:announce-listll16:http://t/a?k=1 2el9:udp://u:1"
                + "7:wss://wei7ee8:encoding3:GBK5:nodesll1:hi1eee4:info\(Self.info)8:announce9:http://z/9:httpseedsl8:http://he"
                + "8:url-listl0:14:http://w/a b/x10:ftp://h/xxi1ee6:x-mineli007eee\n").utf8)
        let torrent = try Torrent.parse(text)
        #expect(torrent.trackers == [["http://t/a?k=1%202"], ["udp://u:1"]])
        #expect(torrent.webSeeds == ["http://w/a%20b/x"])
        #expect(torrent.creationDate == 1_500_000_000)
        #expect(torrent.comment == "caf\\xe9")
        let said = ignored(torrent)
        for word in [
            "wss", "'announce-list' is no text", "'url-list' is no text", "ftp", "httpseeds", "nodes", "x-mine",
            "'announce' stands",
        ] {
            #expect(said.contains(word), "\(word) is not in:\n\(said)")
        }
        #expect(torrent.encode() == text.dropLast())
    }

    @Test(arguments: ["announce", "announce-list", "url-list", "comment", "created by", "creation date"])
    func `a value of the wrong type is ignored and named`(_ key: String) throws {
        let torrent = try parse("d\(key.utf8.count):\(key)d1:xi1ee4:info\(Self.info)e")
        #expect(torrent.trackers.isEmpty && torrent.webSeeds.isEmpty && torrent.comment == nil)
        #expect(torrent.createdBy == nil && torrent.creationDate == nil)
        #expect(ignored(torrent).contains("'\(key)'"))
    }

    @Test func `a list that is text is ignored and the single tracker counts`() throws {
        let torrent = try parse("d8:announce9:http://a/13:announce-list9:http://b/4:info\(Self.info)e")
        #expect(torrent.trackers == [["http://a/"]])
        #expect(ignored(torrent).contains("announce-list"))
    }

    @Test func `the first value of the right type counts`() throws {
        let torrent = try parse("d7:commenti1e7:comment1:x7:comment1:y4:info\(Self.info)4:info\(Self.info)e")
        #expect(torrent.comment == "x")
        #expect(ignored(torrent).contains("'comment'"))
    }

    @Test func `passwords are not shown`() throws {
        let torrent = try parse("d8:announce18:http://me:secret@h8:url-list17:http://u:secret@w4:info\(Self.info)e")
        #expect(torrent.trackers.isEmpty && torrent.webSeeds.isEmpty)
        #expect(ignored(torrent).contains("http://***@h"))
        #expect(ignored(torrent).contains("user name or a password"))
        #expect(!ignored(torrent).contains("secret"))
    }

    @Test func `what is said is bounded`() throws {
        let urls = (0..<500).map { "10:ftp://\(1000 + $0)" }.joined()
        let keys = (0..<500).map { "5:k\(1000 + $0)i0e" }.joined()
        let torrent = try parse("d\(keys)4:info\(Self.info)8:url-listl\(urls)ee")
        #expect(torrent.problems().count < 30)
        #expect(ignored(torrent).contains("and 490 more"))
    }

    @Test func `what was set is written and all else stays`() throws {
        let text =
            "d8:announce9:http://a/4:infoINFO8:announce9:http://b/13:announce-listll9:http://c/ee5:nodesl0:e1:zi00ee"
            .replacing("INFO", with: Self.info)
        var torrent = try parse(text)
        torrent.trackers = [["http://n/"]]
        torrent.webSeeds = ["http://w/"]
        #expect(
            String(decoding: torrent.encode(), as: UTF8.self)
                == "d8:announce9:http://n/4:info\(Self.info)5:nodesl0:e8:url-listl9:http://w/e1:zi00ee")
        torrent.trackers = []
        torrent.webSeeds = []
        #expect(String(decoding: torrent.encode(), as: UTF8.self) == "d4:info\(Self.info)5:nodesl0:e1:zi00ee")
    }

    @Test func `any dictionary around the info comes back byte for byte`() throws {
        var random = SeededGenerator(seed: 14)
        let keys = [
            "announce", "announce-list", "comment", "creation date", "url-list", "nodes", "httpseeds", "x", "", "~",
        ]
        for _ in 0..<3000 {
            var before = ""
            var after = ""
            for _ in 0..<random.below(8) {
                let key = keys[random.below(keys.count)]
                let field = "\(random.below(5) == 0 ? "0" : "")\(key.utf8.count):\(key)\(Self.value(&random, depth: 0))"
                if random.below(2) == 0 { before += field } else { after += field }
            }
            let text = "d\(before)4:info\(Self.info)\(after)e"
            var torrent = try parse(text)
            #expect(torrent.encode() == Array(text.utf8))
            torrent.creationDate = 7
            torrent.comment = nil
            // Only the keys that were set differ.
            let told = ["comment", "creation date"]
            let was = try #require(try BencodeView(prefixOf: Array(text.utf8)[...]).fields)
            let now = try #require(try BencodeView(prefixOf: torrent.encode()[...]).fields)
            func kept(_ fields: [BencodeView.Field]) -> [[UInt8]] {
                fields.filter { !told.contains(String(decoding: $0.key, as: UTF8.self)) }.map { Array($0.bytes) }
            }
            #expect(kept(was) == kept(now))
            #expect(now.filter { $0.key.elementsEqual("creation date".utf8) }.map(\.value.integer) == [7])
            #expect(!now.contains { $0.key.elementsEqual("comment".utf8) })
            #expect(try Torrent.parse(torrent.encode()).info.hashes == torrent.info.hashes)
        }
    }

    private static func value(_ random: inout SeededGenerator, depth: Int) -> String {
        switch random.below(depth > 3 ? 4 : 6) {
        case 0: return "i\(["01", "-0", "7", "+3", "99999999999999999999", ""][random.below(6)])e"
        case 1: return ["0:", "9:http://a/", "03:abc", "12:http://a b/x"][random.below(4)]
        case 2: return "9:udp://u:1"
        case 3: return "15:http://u:p@h/ab"
        case 4: return "l" + (0..<random.below(4)).map { _ in value(&random, depth: depth + 1) }.joined() + "e"
        default: return "d" + (0..<random.below(3)).map { _ in "1:b" + value(&random, depth: depth + 1) }.joined() + "e"
        }
    }
}
