import Testing
import Tracking

@Suite struct UDPRequestTests {
    private func announceIn(_ bytes: [UInt8]) -> PeerAnnounce? {
        bytes.withUnsafeBytes { buffer in
            guard case .announce(_, _, let announce) = UDPRequest.parse(buffer) else { return nil }
            return announce
        }
    }

    private func isDropped(_ bytes: [UInt8]) -> Bool {
        bytes.withUnsafeBytes { UDPRequest.parse($0) == nil }
    }

    @Test func `reads a connect`() {
        let bytes = bigEndian(UDPRequest.protocolID) + bigEndian(UInt32(0)) + bigEndian(UInt32(77))
        bytes.withUnsafeBytes { buffer in
            guard case .connect(77) = UDPRequest.parse(buffer) else {
                Issue.record("no connect")
                return
            }
        }
        #expect(UDPRequest.protocolID == 0x0000_0417_2710_1980)
    }

    @Test func `reads an announce`() throws {
        let announce = try #require(
            announceIn(datagram(left: 0, event: 1, address: 0xc000_0207, key: 5, wanted: 30, port: 80)))
        #expect(announce.swarm.bytes == Array(1...20))
        #expect(announce.left == 0)
        #expect(announce.event == .completed)
        #expect(announce.claimedAddress?.host == "192.0.2.7")
        #expect(announce.key == 5)
        #expect(announce.numWant == 30)
        #expect(announce.port == 80)
        #expect(announceIn(datagram())?.numWant == nil)
        #expect(announceIn(datagram(event: 900))?.event == AnnounceEvent.none)
    }

    @Test func `every cut off datagram is dropped`() {
        let whole = datagram()
        for length in 0..<whole.count { #expect(isDropped(Array(whole.prefix(length)))) }
    }

    @Test(arguments: [3, 4, 99, UInt32.max] as [UInt32])
    func `unknown actions are dropped`(action: UInt32) {
        #expect(
            isDropped(bigEndian(UInt64(7)) + bigEndian(action) + bigEndian(UInt32(1)) + Array(repeating: 0, count: 100))
        )
    }

    @Test func `a connect with another protocol is dropped`() {
        #expect(isDropped(bigEndian(UInt64(1)) + bigEndian(UInt32(0)) + bigEndian(UInt32(77))))
    }

    @Test func `URL data may say unreachable in parts`() throws {
        let url = Array("/announce?a=b&unreachable=1".utf8)
        let split = [2, 5] + Array(url[..<5]) + [1, 1, 2, UInt8(url.count - 5)] + Array(url[5...]) + [0, 2, 200]
        #expect(try #require(announceIn(datagram() + split)).isUnreachable)
        #expect(try !#require(announceIn(datagram() + [0] + split)).isUnreachable)
        #expect(try !#require(announceIn(datagram() + [2, 9] + Array("/announce".utf8))).isUnreachable)
    }

    @Test func `URL data may name an IPv6 address`() throws {
        let url = Array("/announce?ip=2001:db8::1".utf8)
        let options = [2, UInt8(url.count)] + url
        #expect(try #require(announceIn(datagram() + options)).claimedAddress?.host == "2001:db8::1")
        // The field of the packet comes first.
        let both = try #require(announceIn(datagram(address: 0xc000_0207) + options))
        #expect(both.claimedAddress?.host == "192.0.2.7")
    }

    @Test func `unknown options are passed over`() throws {
        let url = Array("/?unreachable=1".utf8)
        #expect(try #require(announceIn(datagram() + [9, 3, 0, 0, 0, 2, UInt8(url.count)] + url)).isUnreachable)
    }

    @Test(arguments: [[2], [2, 5, 1], [200, 255], [1, 1, 2, 3, 65, 66]] as [[UInt8]])
    func `options that are cut off drop the datagram`(options: [UInt8]) {
        #expect(isDropped(datagram() + options))
    }

    @Test func `an endless URL drops the datagram`() {
        let part = [2, 255] + [UInt8](repeating: 0x61, count: 255)
        #expect(isDropped(datagram() + part + part + part + part + part))
    }

    @Test func `scrapes are capped and whole`() {
        func hashes(_ bytes: Int) -> Int? {
            let all =
                bigEndian(UInt64(7)) + bigEndian(UInt32(2)) + bigEndian(UInt32(1)) + [UInt8](repeating: 1, count: bytes)
            return all.withUnsafeBytes { buffer in
                guard case .scrape(_, _, let hashes) = UDPRequest.parse(buffer) else { return nil }
                return hashes.count / 20
            }
        }
        #expect(hashes(20) == 1)
        #expect(hashes(74 * 20) == 74)
        #expect(hashes(90 * 20) == 74)
        #expect(hashes(0) == nil)
        #expect(hashes(19) == nil)
        #expect(hashes(41) == nil)
    }

    @Test func `no error is longer than its limit`() {
        var room = [UInt8](repeating: 0, count: 100)
        let written = room.withUnsafeMutableBytes {
            UDPAnswer.failure(transaction: 1, reason: "0123456789", limit: 17, into: $0)
        }
        #expect(written == 0)
        let fits = room.withUnsafeMutableBytes {
            UDPAnswer.failure(transaction: 0x0102_0304, reason: "0123456789", limit: 18, into: $0)
        }
        #expect(fits == 18)
        #expect(Array(room.prefix(10)) == [0, 0, 0, 3, 1, 2, 3, 4, 0x30, 0x31])
    }

    @Test func `the fullest answers fit a datagram`() {
        #expect(UDPAnswer.announceHead + UDPAnswer.peerLimit(.ipv4) * 6 <= 1232)
        #expect(UDPAnswer.announceHead + UDPAnswer.peerLimit(.ipv6) * 18 <= 1232)
        #expect(8 + 12 * maximumScrapeHashes <= 1232)
    }
}
