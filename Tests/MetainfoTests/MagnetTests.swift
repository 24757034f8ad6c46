import Hashing
import Metainfo
import Testing

@Suite struct MagnetTests {
    private let hex = "cab507494d02ebb1178b38f2e9d7be299c86b862"
    private let hex2 = "caf1e1c30e81cb361b9ee167c4aa64228a7fa4fa9f6105232b28ad099f3a302e"

    @Test func `hex and base32 name the same hash`() throws {
        let magnet = try Magnet.parse("magnet:?xt=urn:btih:\(hex)")
        #expect(magnet.hashes == InfoHashes(v1: try #require(SHA1Digest(hex: hex))))
        #expect(try Magnet.parse("magnet:?xt=urn:btih:ZK2QOSKNALV3CF4LHDZOTV56FGOINODC").hashes == magnet.hashes)
        #expect(try Magnet.parse("MAGNET:?xt.1=urn:btih:zk2qosknalv3cf4lhdzotv56fgoinodc").hashes == magnet.hashes)
        #expect(try Magnet.parse("magnet:?xt=urn%3Abtih%3A\(hex.uppercased())").hashes == magnet.hashes)
    }

    @Test func `a hybrid has both hashes`() throws {
        let magnet = try Magnet.parse("magnet:?xt=urn:btih:\(hex)&xt=urn:btmh:1220\(hex2)&xt=urn:ed2k:00")
        #expect(magnet.hashes.v1?.hex == hex)
        #expect(magnet.hashes.v2?.hex == hex2)
        #expect(magnet.hashes.wire.map(\.hex) == [hex, String(hex2.prefix(40))])
        #expect(try Magnet.parse("magnet:?xt=urn:btmh:1220\(hex2)").hashes.primary.hex == String(hex2.prefix(40)))
    }

    @Test func `names trackers seeds and peers are read`() throws {
        let magnet = try Magnet.parse(
            "magnet:?dn=a+b%20c%C3%BC&xt=urn:btih:\(hex)&tr=http%3A%2F%2Ft%2Fa%3Fx%3D1%2B2&tr.1=udp://u:80"
                + "&ws=http://w/&x.pe=[::1]:6881&x.pe=h:1&so=0-2&nonsense&=&tr="
        )
        #expect(magnet.displayName == "a b cü")
        #expect(magnet.trackers == ["http://t/a?x=1+2", "udp://u:80"])
        #expect(magnet.webSeeds == ["http://w/"])
        #expect(magnet.peers == ["[::1]:6881", "h:1"])
    }

    @Test func `a link is read as it was meant`() throws {
        let plain = try Magnet.parse("magnet:?xt=urn:btih:\(hex)&tr=http://t/announce")
        for text in [
            "  magnet:?xt=urn:btih:\(hex)&tr=http://t/announce\n",
            "magnet:?xt=urn:btih:\(hex)&amp;tr=http://t/announce",
            "MAGNET:?XT=URN:BTIH:\(hex.uppercased())&TR=http://t/announce",
            "magnet:?xt=urn:btih:\(hex)\r\n&tr=http://t/\r\nannounce",
            "magnet:?xt=urn:btih:\(hex)&xt=urn:btih:\(hex)&tr=%20http://t/announce%20",
            "magnet:?xt= urn:btih:\(hex) & tr=http://t/announce", "magnet://?xt=urn:btih:\(hex)&tr=http://t/announce",
            "magnet:?xt=urn:btih:ZK2QOSKNALV3CF4LHDZOTV56FGOINODC&&amp;amp;tr.2=http://t/announce",
        ] { #expect(try Magnet.parse(text) == plain, "\(text)") }
        #expect(Magnet.isMagnet(" \tMagnet:?"))
    }

    @Test func `a hash that is none is ignored beside a good one`() throws {
        let magnet = try Magnet.parse("magnet:?xt=urn:btmh:1220aa&xt=urn:btih:\(hex)&xt=urn:btih:")
        #expect(magnet.hashes.v1?.hex == hex && magnet.hashes.v2 == nil)
        #expect(magnet.ignored.map(\.kind) == [.ignored])
    }

    @Test func `addresses are encoded or named and never with a password`() throws {
        let magnet = try Magnet.parse(
            "magnet:?xt=urn:btih:\(hex)&dn=50% caf%E9&tr=http://t/a b&tr=wss://w/&tr=http%3A%2F%2Fme%3Apw%40h%2F"
                + "&ws=http://w/a%20b&ws=ftp://f/")
        #expect(magnet.displayName == "50% caf\\xe9")
        #expect(magnet.trackers == ["http://t/a%20b"])
        #expect(magnet.webSeeds == ["http://w/a%20b"])
        #expect(magnet.ignored.count == 3)
        #expect(magnet.ignored.contains { $0.message.contains("wss") })
        #expect(!magnet.ignored.contains { $0.message.contains("pw") })
        #expect(!magnet.encode().contains("pw"))
    }

    @Test(arguments: [
        "", "magnet:", "magnet:?", "http://x/", "magnet:?xt=urn:btih:", "magnet:?xt=urn:btih:123", "magnet:?dn=x",
        "magnet:?xt=urn:btih:zzb507494d02ebb1178b38f2e9d7be299c86b862", "magnet:?xt=urn:btmh:1220aa",
        "magnet:?xt=urn:btmh:1120caf1e1c30e81cb361b9ee167c4aa64228a7fa4fa9f6105232b28ad099f3a302e",
        "magnet:?xt=%ff%fe", "magnet:?xt=%4", "magnet:?xt=urn:btih:ZK2QOSKNALV3CF4LHDZOTV56FGOINOD1",
        "magnet:?xt=urn:btih:cab507494d02ebb1178b38f2e9d7be299c86b862"
            + "&xt=urn:btih:0000000000000000000000000000000000000000",
    ])
    func `a bad link is refused`(_ text: String) {
        #expect { try Magnet.parse(text) } throws: { if case MetainfoError.badMagnet = $0 { true } else { false } }
    }

    @Test func `an endless link is refused or cut off`() throws {
        #expect(throws: MetainfoError.self) {
            try Magnet.parse("magnet:?xt=urn:btih:\(hex)&dn=" + String(repeating: "x", count: 300_000))
        }
        let many = (0..<9000).map { "&tr=http://\($0)/" }.joined()
        #expect(try Magnet.parse("magnet:?xt=urn:btih:\(hex)\(many)").trackers.count == 1000)
    }

    @Test func `what is encoded reads back`() throws {
        let v1 = try #require(SHA1Digest(hex: hex))
        let magnet = Magnet(
            hashes: try #require(InfoHashes(v1: v1, v2: SHA256Digest(hex: hex2))),
            displayName: "a+b & c=d #é%", trackers: ["http://t/announce?key=1&x=2+3"], webSeeds: ["http://w/%C3%A9"],
            peers: ["[2001:db8::1]:6881", "10.0.0.1:1"])
        #expect(try Magnet.parse(magnet.encode()) == magnet)
        let plain = magnet.encode().utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f }
        #expect(plain)
    }

    @Test func `a torrent has a link to itself`() throws {
        let torrent = try Sample.directory(.hybrid) { $0.trackers = [["http://a/"], ["http://b/"]] }
        let magnet = try Magnet.parse(torrent.magnet.encode())
        #expect(magnet.hashes == torrent.info.hashes)
        #expect(magnet.trackers == ["http://a/", "http://b/"])
        #expect(magnet.hashes.match(torrent.info.bytes))
        #expect(!magnet.hashes.match(torrent.info.bytes + [0]))
    }
}
