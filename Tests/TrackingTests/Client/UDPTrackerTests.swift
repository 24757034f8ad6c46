import Address
import Hashing
import Testing
import Text
import Tracking

@Suite struct `UDP tracker packets` {
    @Test func `A connect request is what BEP 15 says`() {
        #expect(
            UDPTrackerRequest.connect(transaction: 0x0102_0304)
                == [0, 0, 4, 0x17, 0x27, 0x10, 0x19, 0x80, 0, 0, 0, 0, 1, 2, 3, 4])
    }

    @Test func `An announce has its fields where BEP 15 says`() throws {
        var request = try #require(sampleRequest(event: .started))
        request.advertisedAddress = "9.8.7.6"
        let packet = UDPTrackerRequest.announce(request, connection: 0x11, transaction: 0x22, urlData: "")
        #expect(packet.count == 98)
        #expect(Array(packet[0..<16]) == [0, 0, 0, 0, 0, 0, 0, 0x11, 0, 0, 0, 1, 0, 0, 0, 0x22])
        #expect(Array(packet[16..<36]) == request.infoHash.bytes)
        #expect(Array(packet[36..<56]) == request.peerID)
        #expect(Array(packet[56..<80]) == [0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 1])
        #expect(Array(packet[80..<84]) == [0, 0, 0, 2])
        #expect(Array(packet[84..<88]) == [9, 8, 7, 6])
        #expect(Array(packet[88..<98]) == [0, 0, 0, 0xab, 0, 0, 0, 50, 0x1a, 0xe1])
    }

    @Test func `Path and query follow as options of at most 255 bytes`() throws {
        let request = try #require(sampleRequest())
        let path = "/" + String(repeating: "x", count: 299)
        let packet = UDPTrackerRequest.announce(request, connection: 0, transaction: 0, urlData: path)
        let options = Array(packet[98...])
        #expect(options.count == 304)
        #expect(Array(options[0..<2]) == [2, 255] && Array(options[257..<259]) == [2, 45])
        #expect(options[2..<257] + options[259...] == Array(path.utf8)[...])
    }

    @Test func `What has no field goes into the query`() throws {
        var request = try #require(sampleRequest())
        request.isUnreachable = true
        request.advertisedAddress = "2001:db8::1"
        let packet = UDPTrackerRequest.announce(request, connection: 0, transaction: 0, urlData: "/announce?k=1")
        #expect(String(decoding: packet[100...], as: UTF8.self) == "/announce?k=1&unreachable=1&ip=2001:db8::1")
        #expect(Array(packet[84..<88]) == [0, 0, 0, 0])
    }

    @Test func `Seventy-four hashes fit into a scrape`() {
        let packet = UDPTrackerRequest.scrape([SHA1Digest](repeating: .zero, count: 100), connection: 1, transaction: 2)
        #expect(packet.count == 16 + 74 * 20)
    }
}

@Suite struct `UDP tracker answers` {
    private func announce(_ packet: [UInt8], _ family: PeerAddress.Family = .ipv4) throws -> AnnounceAnswer? {
        try UDPTrackerAnswer.announce(packet, transaction: 0x0102_0304, family: family)
    }

    private let head: [UInt8] = [0, 0, 0, 1, 1, 2, 3, 4]

    @Test func `An announce's answer is read`() throws {
        let answer = try #require(
            try announce(head + [0, 0, 7, 8, 0, 0, 0, 5, 0, 0, 0, 2, 1, 2, 3, 4, 0, 80, 1, 2, 3, 4, 0, 80]))
        #expect(answer.interval == 1_800 && answer.leechers == 5 && answer.seeders == 2)
        #expect(answer.peers.map(\.description) == ["1.2.3.4:80"])
    }

    @Test func `Peers from an IPv6 tracker have 18 bytes, and a cut one is left out`() throws {
        let peer: [UInt8] = [0x20, 1, 0xd, 0xb8] + [UInt8](repeating: 0, count: 11) + [1, 0, 80]
        let answer = try #require(try announce(head + [UInt8](repeating: 0, count: 12) + peer + peer.dropLast(), .ipv6))
        #expect(answer.peers.map(\.description) == ["[2001:db8::1]:80"])
    }

    @Test func `Numbers are signed, and clamped`() throws {
        let answer = try #require(try announce(head + [UInt8](repeating: 0xff, count: 12)))
        #expect(answer.interval == 1_800 && answer.seeders == nil && answer.leechers == nil)
    }

    @Test func `Datagrams of another transaction or action, or too short, are dropped`() throws {
        let body: [UInt8] = [0, 0, 7, 8, 0, 0, 0, 5, 0, 0, 0, 2]
        #expect(try announce([0, 0, 0, 1, 1, 2, 3, 5] + body) == nil)
        #expect(try announce([0, 0, 0, 2, 1, 2, 3, 4] + body) == nil)
        #expect(try announce([0, 0, 0, 9, 1, 2, 3, 4] + body) == nil)
        for count in 0..<20 { #expect(try announce(Array((head + body).prefix(count))) == nil) }
        #expect(try UDPTrackerAnswer.connection([0, 0, 0, 0, 1, 2, 3, 4, 0], transaction: 0x0102_0304) == nil)
    }

    @Test func `A connection id is read`() throws {
        let packet: [UInt8] = [0, 0, 0, 0, 1, 2, 3, 4, 1, 0, 0, 0, 0, 0, 0, 2]
        #expect(try UDPTrackerAnswer.connection(packet, transaction: 0x0102_0304) == 0x0100_0000_0000_0002)
    }

    @Test func `The tracker's error is thrown only for our transaction`() throws {
        let text = Array("no\u{202e}pe".utf8)
        #expect(throws: TrackerAnswerError.refused(reason: "no\\u{202e}pe", retry: .unsaid)) {
            try announce([0, 0, 0, 3, 1, 2, 3, 4] + text)
        }
        #expect(try announce([0, 0, 0, 3, 9, 2, 3, 4] + text) == nil)
    }

    @Test func `A scrape's answer must have an entry for each hash`() throws {
        let packet: [UInt8] = [0, 0, 0, 2, 1, 2, 3, 4, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3]
        let counts = try UDPTrackerAnswer.scrape(packet, transaction: 0x0102_0304, infoHashes: [.zero])
        #expect(counts == [.zero: ScrapeAnswer(seeders: 1, leechers: 3, completed: 2)])
        let other = try #require(SHA1Digest(bytes: [UInt8](repeating: 1, count: 20)))
        #expect(try UDPTrackerAnswer.scrape(packet, transaction: 0x0102_0304, infoHashes: [.zero, other]) == nil)
    }

    @Test func `No bytes whatever make a decoder trap`() {
        var generator = SeededGenerator(seed: 42)
        for _ in 0..<20_000 {
            var packet = (0..<Int.random(in: 0...60, using: &generator)).map { _ in
                UInt8.random(in: 0...255, using: &generator)
            }
            if packet.count >= 8 { packet.replaceSubrange(0..<8, with: [0, 0, 0, packet[3] % 4, 1, 2, 3, 4]) }
            _ = try? announce(packet)
            _ = try? announce(packet, .ipv6)
            _ = try? UDPTrackerAnswer.connection(packet, transaction: 0x0102_0304)
            _ = try? UDPTrackerAnswer.scrape(packet, transaction: 0x0102_0304, infoHashes: [.zero])
            _ = try? HTTPTrackerAnswer.announce(packet)
        }
    }
}
