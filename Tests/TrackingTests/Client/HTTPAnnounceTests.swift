import Address
import Bencode
import Hashing
import Testing
import Tracking

/// A request with an info hash and peer id that show every kind of byte.
func sampleRequest(event: AnnounceEvent = .none) -> AnnounceRequest? {
    let hash: [UInt8] =
        [0x00, 0x20, 0x25, 0x2b, 0x26, 0x3d, 0x2f, 0x7e, 0xff, 0x41] + [UInt8](repeating: 0x2e, count: 10)
    return SHA1Digest(bytes: hash).flatMap {
        AnnounceRequest(
            infoHash: $0, peerID: Array("-SW0001-abcdefghijkl".utf8), port: 6881, uploaded: 1, downloaded: 2, left: 3,
            event: event, numWant: 50, key: 0xab)
    }
}

@Suite struct `An announce over HTTP` {
    @Test func `percent-encodes raw bytes and says everything once`() throws {
        let request = try #require(sampleRequest(event: .started))
        #expect(
            HTTPTrackerQuery.announceURL("http://t.example:6969/announce", request)
                == "http://t.example:6969/announce?info_hash=%00%20%25%2B%26%3D%2F~%FFA.........."
                + "&peer_id=-SW0001-abcdefghijkl&port=6881&uploaded=1&downloaded=2&left=3&compact=1&key=000000AB"
                + "&event=started&numwant=50")
    }

    @Test func `keeps a passkey in the tracker's query and cuts a fragment`() throws {
        let request = try #require(sampleRequest())
        let url = HTTPTrackerQuery.announceURL("http://t.example/a?passkey=x#frag", request)
        #expect(url.hasPrefix("http://t.example/a?passkey=x&info_hash="))
        #expect(!url.contains("#"))
        #expect(HTTPTrackerQuery.announceURL("http://t.example/a?", request).hasPrefix("http://t.example/a?info_hash="))
        #expect(!url.contains("event="))
    }

    @Test func `of an agent names the blob, the site and peers out of reach, as a tracker reads them`() throws {
        var request = try #require(sampleRequest())
        var word = AgentWord(digest: SHA256.digest([1]), site: "hall 7")
        word.proof = SHA256.digest([2])
        word.unreached = try [#require(PeerAddress("192.0.2.1:2")), #require(PeerAddress("[2001:db8::1]:3"))]
        request.agent = word
        let url = HTTPTrackerQuery.announceURL("http://t.example/announce", request)
        #expect(
            url.contains("&digest=sha256%3A4bf5122f")
                && url.contains(
                    "&proof=dbc1b4c900ffe48d575b5da5c638040125f65db0fe3e24494b76ea986457d986&site=hall%207&unreached=%C0%00%02%01%00%02"
                ))
        let query = Array(url.utf8.drop { $0 != 0x3f }.dropFirst())
        try query.withUnsafeBytes { query in
            #expect(try AnnounceQuery.parse(query).isFromRegistry)
            let read = try RegistryAnnounce.parse(query)
            #expect(read.digest?.bytes == word.digest.bytes && read.unreached == word.unreached && read.site != nil)
            #expect(read.proof?.bytes == word.proof?.bytes)
        }
    }

    @Test func `says where it is reachable, or that it is not`() throws {
        var request = try #require(sampleRequest())
        request.advertisedAddress = "2001:db8::1"
        request.isUnreachable = true
        request.trackerID = [0xff]
        let url = HTTPTrackerQuery.announceURL("http://t.example/announce", request)
        #expect(url.hasSuffix("&ip=2001%3Adb8%3A%3A1&unreachable=1&trackerid=%FF"))
    }

    @Test func `needs a peer id of twenty bytes`() {
        #expect(AnnounceRequest(infoHash: .zero, peerID: [1, 2, 3], port: 1, left: 0, key: 0) == nil)
    }

    @Test func `has a scrape beside it only by convention`() {
        let hash = "%00%00%00%00%00%00%00%00%00%00%00%00%00%00%00%00%00%00%00%00"
        #expect(
            HTTPTrackerQuery.scrapeURL("http://t.example/x/announce.php?k=1", [.zero])
                == "http://t.example/x/scrape.php?k=1&info_hash=\(hash)")
        #expect(HTTPTrackerQuery.scrapeURL("http://t.example/a", [.zero]) == nil)
        #expect(HTTPTrackerQuery.scrapeURL("http://t.example/announce/x", [.zero]) == nil)
    }
}

@Suite struct `A tracker's answer over HTTP` {
    private func answer(_ text: String) throws(TrackerAnswerError) -> AnnounceAnswer {
        try HTTPTrackerAnswer.announce(Array(text.utf8))
    }

    private func refusal(_ text: String) -> TrackerAnswerError? {
        do {
            _ = try answer(text)
            return nil
        } catch { return error }
    }

    private func isMalformed(_ body: [UInt8]) -> Bool {
        do {
            _ = try HTTPTrackerAnswer.announce(body)
            return false
        } catch { if case .malformed = error { return true } else { return false } }
    }

    @Test func `is read with compact peers of both families`() throws {
        let value: BencodeValue = [
            "interval": 1800, "min interval": 60, "complete": 2, "incomplete": 5, "tracker id": "abc",
            "warning message": "slow\u{1b}[31m", "external ip": .data([10, 0, 0, 9]),
            "peers": .data([1, 2, 3, 4, 0x1a, 0xe1, 1, 2, 3, 4, 0x1a, 0xe1]),
            "peers6": .data([0x20, 1, 0xd, 0xb8] + [UInt8](repeating: 0, count: 11) + [1, 0, 80]),
        ]
        let answer = try HTTPTrackerAnswer.announce(Bencode.encode(value))
        #expect(answer.interval == 1800 && answer.minInterval == 60)
        #expect(answer.seeders == 2 && answer.leechers == 5)
        #expect(answer.peers.map(\.description) == ["1.2.3.4:6881", "[2001:db8::1]:80"])
        #expect(answer.warning == "slow\\u{1b}[31m")
        #expect(answer.trackerID == Array("abc".utf8))
        #expect(answer.externalAddress == [10, 0, 0, 9])
    }

    @Test func `is read with peers as dictionaries, names apart, leaving out bad ports`() throws {
        let answer = try answer(
            "d8:intervali900e5:peersld2:ip7:1.2.3.44:porti80eed2:ip4:host4:porti80eed2:ip7:1.2.3.44:porti70000ee"
                + "d2:ip3:::14:porti1eei5eee")
        #expect(answer.peers.map(\.description) == ["1.2.3.4:80", "[::1]:1"])
        #expect(answer.names == [try #require(NamedPeer(host: "host", port: 80))])
    }

    @Test(arguments: [
        "d8:intervali900e5:peers6:abcdefe\r\n", "\nd8:intervali900e5:peers6:abcdefe",
        "d8:intervali0900e5:peers6:abcdefe",
        "d8:completei1e8:completei1e8:intervali900e5:peers6:abcdefe", "d5:peers6:abcdef8:intervali900ee",
        "d8:intervali900e5:peers10:abcdefghije", "d8:intervali900e5:peers6:abcdef6:peers67:0123456e",
        "d8:intervali900e5:peers6:abcdef6:peers6i7ee", "d8:intervali900e5:peers6:abcdef6:peers6lee",
        "d8:intervali900e5:peers06:abcdefe", "d8:intervali900e5:peersl6:abcdefee", "d8:intervali900e5:peers12:abcdefgh",
        "d8:intervali900e5:peers6:abcdef", "d8:interval3:9005:peers6:abcdefe", "d8:intervali900.0e5:peers6:abcdefe",
        "d8:intervali900e5:peersld2:ip12:97.98.99.1004:port5:25958ee",
        "d8:intervali900e5:peersd1:0d2:ip12:97.98.99.1004:porti25958eeee",
        "d8:intervali900e5:peersld2:ip1:!4:porti5eed4:porti5eede2:noled2:ip12:97.98.99.1004:porti25958eeee",
        "d8:intervali900e5:peersld2:ip12:97.98.99.1004:porti25958eed2:ip3:1.2",
        "d14:failure reason0:8:intervali900e5:peers6:abcdefe", "d8:intervali900e5:peers6:abcdefe<!-- 2 ms -->",
    ]) func `is read as far as it can be`(text: String) throws {
        let answer = try answer(text)
        #expect(answer.interval == 900)
        #expect(answer.peers.map(\.description) == ["97.98.99.100:25958"])
    }

    @Test(arguments: ["0:", "le", "de", "i0e"]) func `may have no peers in any form`(peers: String) throws {
        let answer = try answer("d8:intervali900e5:peers\(peers)e")
        #expect(answer.interval == 900 && answer.peers.isEmpty)
    }

    @Test(arguments: ["", "8:intervali-5e", "8:interval3:abc", "8:intervalle"])
    func `without an interval has the default`(interval: String) throws {
        #expect(try answer("d\(interval)5:peers6:abcdefe").interval == 1_800)
    }

    @Test func `with a failure beside peers gives the peers and a warning`() throws {
        let answer = try answer("d14:failure reason4:slow5:peers6:abcdefe")
        #expect(answer.peers.count == 1)
        #expect(answer.warning == "slow")
        #expect(refusal("d14:failure reason4:slow5:peers0:e") == .refused(reason: "slow", retry: .unsaid))
        #expect(refusal("d14:failure reason4:slow") == .refused(reason: "slow", retry: .unsaid))
    }

    @Test func `names no more peers to be resolved than allowed, and only what can be names`() throws {
        let entries = (0..<100).map { "d2:ip\("peer\($0)".utf8.count):peer\($0)4:porti80ee" }.joined()
        #expect(try answer("d5:peersl\(entries)ee").names.count == TrackerAnswerLimits.standard.names)
        for host in ["", "a b", "a/b", "-x", ".x", "a\0b", "peer%1", String(repeating: "a", count: 254)] {
            #expect(NamedPeer(host: host, port: 1) == nil)
        }
        #expect(NamedPeer(host: "a", port: 0) == nil)
        #expect(NamedPeer(host: "_tracker.Example-1.org.", port: 1) != nil)
    }

    @Test func `refuses with a reason, and with a time to come back`() {
        #expect(refusal("d14:failure reason4:nopee") == .refused(reason: "nope", retry: .unsaid))
        #expect(refusal("d14:failure reason4:nope8:retry ini5ee") == .refused(reason: "nope", retry: .after(300)))
        #expect(refusal("d14:failure reason4:nope8:retry in5:nevere") == .refused(reason: "nope", retry: .never))
        #expect(refusal("d14:failure reason4:nope8:retry in2:10e") == .refused(reason: "nope", retry: .after(600)))
        #expect(refusal("d14:failure reason4:nope8:retry ini-5ee") == .refused(reason: "nope", retry: .unsaid))
        let forever = refusal("d14:failure reason4:nope8:retry ini9223372036854775807ee")
        #expect(forever == .refused(reason: "nope", retry: .after(86_400)))
    }

    @Test(arguments: [
        ("i-1e", 1_800.0), ("i0e", 1_800), ("i-9223372036854775808e", 1_800), ("i1e", 5),
        ("i9223372036854775807e", 7_200),
        ("3:abc", 1_800),
    ]) func `has its interval clamped`(interval: String, seconds: Double) throws {
        #expect(try answer("d8:interval\(interval)5:peers0:e").interval == seconds)
    }

    @Test func `never has a minimum interval above the interval`() throws {
        let answer = try answer("d8:intervali60e12:min intervali9223372036854775807e5:peers0:e")
        #expect(answer.minInterval == 60)
        #expect(try self.answer("d8:intervali60e12:min intervali-3ee").minInterval == nil)
    }

    @Test func `has no negative counts`() throws {
        let answer = try answer("d8:completei-1e10:incompletei9223372036854775807e8:intervali60ee")
        #expect(answer.seeders == nil)
        #expect(answer.leechers == 1 << 40)
    }

    @Test func `gives no more peers than allowed`() throws {
        var peers: [UInt8] = []
        for number in UInt32(0)..<5_000 { PeerAddress(ipv4: 0x0101_0000 + number, port: 9).appendCompact(to: &peers) }
        #expect(try HTTPTrackerAnswer.announce(Bencode.encode(["peers": .data(peers)])).peers.count == 1_000)
    }

    @Test func `that is a bomb, cut, or no dictionary is malformed`() {
        #expect(isMalformed([UInt8](repeating: 0x6c, count: 100_000)))
        #expect(isMalformed(Array("l".utf8) + [UInt8](repeating: 0x30, count: 2 << 20)))
        #expect(isMalformed(Array(("l" + String(repeating: "i1e", count: 30_000) + "e").utf8)))
        #expect(isMalformed(Array("li1ee".utf8)))
        #expect(isMalformed(Array("<html>404</html>".utf8)))
        #expect(isMalformed(Array("d8:intervali60e".utf8)))
        #expect(isMalformed(Array("d8:intervali60e5:peers5:abcde".utf8)))
        #expect(isMalformed(Array("de".utf8)))
        #expect(isMalformed(Array("denied".utf8)))
        #expect(isMalformed([]))
    }

    @Test func `to a scrape gives the counts of what was asked for`() throws {
        let hash = try #require(SHA1Digest(bytes: [UInt8](repeating: 7, count: 20)))
        let entry: BencodeValue = ["complete": 3, "downloaded": 4, "incomplete": -5]
        let body = Bencode.encode(["files": .dictionary(BencodeDictionary([(BencodeBytes(hash.bytes), entry)]))])
        let counts = try HTTPTrackerAnswer.scrape(body, infoHashes: [hash, .zero])
        #expect(counts == [hash: ScrapeAnswer(seeders: 3, leechers: 0, completed: 4)])
    }
}
