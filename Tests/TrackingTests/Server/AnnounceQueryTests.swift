import Testing
import Text
import Tracking

@Suite struct AnnounceQueryTests {
    @Test func `reads every parameter it uses`() throws {
        let all = try announce(
            "uploaded=1&downloaded=2&left=0&event=completed&numwant=7&compact=0&no_peer_id=1&key=00c0ffee&ip=192.0.2.7"
                + "&unreachable=1&trackerid=abc&supportcrypto=1")
        #expect(all.swarm.bytes == Array(1...20))
        #expect(all.peer == PeerName(bytes: Array(peerText.utf8)))
        #expect(all.port == 6881)
        #expect(all.left == 0)
        #expect(all.event == .completed)
        #expect(all.numWant == 7)
        #expect(all.listing == .dictionariesWithoutID)
        #expect(all.key == 0x00c0_ffee)
        #expect(all.claimedAddress?.host == "192.0.2.7")
        #expect(all.isUnreachable)
    }

    @Test func `what is left out has its default`() throws {
        let bare = try announce()
        #expect(bare.left > 0)
        #expect(bare.event == .none)
        #expect(bare.numWant == nil)
        #expect(bare.listing == .compact)
        #expect(bare.key == 0)
        #expect(bare.claimedAddress == nil)
        #expect(!bare.isUnreachable)
    }

    @Test(arguments: [
        ("peer_id=\(peerText)&port=1", "info_hash is missing"),
        ("info_hash=\(hashText)&port=1", "peer_id is missing"),
        ("info_hash=\(hashText)&peer_id=\(peerText)", "port is missing"),
        ("", "info_hash is missing"),
        ("&&&=&=1&info_hash", "info_hash must be 20 escaped bytes"),
    ])
    func `missing parameters are named`(text: String, reason: String) {
        #expect(refusal(text) == reason)
    }

    @Test(arguments: [
        "info_hash=\(hashText)", "peer_id=\(peerText)", "port=1", "left=1&left=1", "uploaded=1&uploaded=1",
        "downloaded=1&downloaded=1", "event=started&event=stopped", "numwant=1&numwant=2", "compact=1&compact=0",
        "no_peer_id=1&no_peer_id=1", "key=1&key=1", "ip=192.0.2.1&ip=192.0.2.1", "unreachable=1&unreachable=0",
    ])
    func `repeated parameters are refused`(extra: String) throws {
        #expect(throws: TrackerRefusal.self) { try announce(extra) }
    }

    @Test(arguments: ["65536", "-1", "", "1x", "0x10", "18446744073709551616", "99999999999999999999999", "%31"])
    func `ports out of range are refused`(port: String) {
        #expect(throws: TrackerRefusal.self) { try announce(port: port) }
    }

    @Test func `port zero is taken`() throws {
        #expect(try announce(port: "0").port == 0)
    }

    @Test(arguments: ["left", "uploaded", "downloaded"])
    func `counts out of range are refused`(name: String) throws {
        for value in ["-1", "18446744073709551616", "abc", "1.5", "+1"] {
            #expect(throws: TrackerRefusal.self) { try announce("\(name)=\(value)") }
        }
        _ = try announce("\(name)=18446744073709551615")
    }

    @Test func `A parameter without a value is one that is not there`() throws {
        let bare = try announce()
        for name in ["left", "uploaded", "downloaded", "numwant", "event", "key", "ip", "compact", "no_peer_id"] {
            for text in ["\(name)=", name] {
                let announce = try announce(text)
                #expect(announce.left == bare.left && announce.numWant == nil && announce.event == .none)
                #expect(announce.key == 0 && announce.claimedAddress == nil && announce.listing == .compact)
            }
        }
        #expect(try announce("compact=0&no_peer_id=").listing == .dictionaries)
        #expect(refusal("info_hash=\(hashText)&peer_id=\(peerText)&port=") == "port is missing")
    }

    @Test func `numwant may be minus one or huge`() throws {
        #expect(try announce("numwant=-1").numWant == nil)
        #expect(try announce("numwant=18446744073709551615").numWant == .max)
        #expect(throws: TrackerRefusal.self) { try announce("numwant=-2") }
    }

    @Test(arguments: [
        "%0", "%", "%zz" + String(repeating: "a", count: 19), String(repeating: "a", count: 19),
        String(repeating: "a", count: 21), String(repeating: "%00", count: 1000),
        "%0" + String(repeating: "a", count: 19),
        String(repeating: "a", count: 19) + "%1",
    ])
    func `bad escapes and lengths are refused`(value: String) {
        #expect(refusal("info_hash=\(value)&peer_id=\(peerText)&port=1") == "info_hash must be 20 escaped bytes")
        #expect(refusal("info_hash=\(hashText)&peer_id=\(value)&port=1") == "peer_id must be 20 escaped bytes")
    }

    @Test func `binary values may have any byte`() throws {
        var generator = SeededGenerator(seed: 1)
        for _ in 0..<200 {
            let hash = (0..<20).map { _ in UInt8.random(in: 0...255, using: &generator) }
            let escaped = hash.map { byte -> String in
                if byte == 0x20, Bool.random(using: &generator) { return "+" }
                let hex = String(byte, radix: 16, uppercase: Bool.random(using: &generator))
                return "%" + (hex.count == 1 ? "0" : "") + hex
            }.joined()
            #expect(try query("port=1&peer_id=\(peerText)&info_hash=\(escaped)").swarm.bytes == hash)
        }
    }

    @Test func `an escaped name is another name`() {
        #expect(refusal("info%5fhash=\(hashText)&peer_id=\(peerText)&port=1") == "info_hash is missing")
    }

    @Test func `keys of both protocols agree`() throws {
        #expect(try announce("key=DEADBEEF").key == 0xdead_beef)
        #expect(try announce("key=7").key == 7)
        #expect(try announce("key=hello").key != 0)
        #expect(try announce("key=hello").key != announce("key=world").key)
        #expect(try announce("key=123456789").key != 0)
        #expect(try announce("key=").key == 0)
    }

    @Test func `names and nonsense in IP are ignored`() throws {
        for value in ["example.com", "1.2.3", "%00", "%zz", "::1%25eth0", String(repeating: "1", count: 5000)] {
            #expect(try announce("ip=\(value)").claimedAddress == nil)
        }
        #expect(try announce("ip=2001%3Adb8%3A%3A1").claimedAddress?.host == "2001:db8::1")
    }

    @Test func `unknown events are regular announces`() throws {
        #expect(try announce("event=exploded").event == .none)
        #expect(try announce("event=").event == .none)
        #expect(try announce("event=paused").event == .paused)
    }

    @Test func `enormous queries are read to the end`() throws {
        let filler = (0..<500).map { "x\($0)=\(String(repeating: "y", count: 10))" }.joined(separator: "&")
        #expect(try query("\(filler)&info_hash=\(hashText)&\(filler)&peer_id=\(peerText)&port=9").port == 9)
    }

    @Test func `random bytes never trap`() {
        var generator = SeededGenerator(seed: 2)
        let pieces = [
            "info_hash=", "peer_id=", "port=", "&", "=", "%", "%4", hashText, peerText, "left=", "ip=", "key=",
        ]
        for _ in 0..<2000 {
            var text = ""
            for _ in 0..<Int.random(in: 0..<20, using: &generator) {
                text += pieces.randomElement(using: &generator) ?? ""
            }
            _ = refusal(text)
        }
    }

    @Test func `scrapes take seventy four hashes`() throws {
        func keys(_ number: Int) throws -> [SwarmKey] {
            let text = Array((0..<number).map { _ in "info_hash=\(hashText)" }.joined(separator: "&").utf8)
            return try text.withUnsafeBytes { try AnnounceQuery.scrapeKeys($0) }
        }
        #expect(try keys(74).count == 74)
        #expect(throws: TrackerRefusal.self) { try keys(75) }
        #expect(throws: TrackerRefusal.self) { try keys(0) }
    }
}
