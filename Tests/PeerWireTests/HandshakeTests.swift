import Hashing
import PeerWire
import Testing
import Text

@Suite struct HandshakeTests {
    /// Fast extension and extension protocol; `H` twenty times; an Azureus-style id.
    static let golden =
        [19] + Array("BitTorrent protocol".utf8) + [0, 0, 0, 0, 0, 0x10, 0, 0x04]
        + [UInt8](repeating: 0x48, count: 20) + Array("-XX0001-abcdefghijkl".utf8)

    static func judge(_ bytes: some Sequence<UInt8>) throws -> HandshakeDecoder.Progress {
        try Array(bytes).withUnsafeBytes { try HandshakeDecoder.judge($0) }
    }

    @Test func `The bytes of BEP 3 are read and written`() throws {
        guard case .complete(let handshake) = try Self.judge(Self.golden) else {
            Issue.record("68 bytes are a whole handshake")
            return
        }
        #expect(handshake.reserved == .ours)
        #expect(handshake.infoHash == SHA1Digest(bytes: [UInt8](repeating: 0x48, count: 20)))
        #expect(handshake.peerID.bytes == Array("-XX0001-abcdefghijkl".utf8))
        var written: [UInt8] = []
        handshake.encode(into: &written)
        #expect(written == Self.golden)
    }

    @Test func `One byte at a time it asks for the torrent part, then tells the torrent, then is complete`() throws {
        for count in 0..<48 { #expect(try Self.judge(Self.golden.prefix(count)) == .needMore(atLeast: 48)) }
        for count in 48..<68 {
            guard case .torrent(let reserved, let infoHash) = try Self.judge(Self.golden.prefix(count)) else {
                Issue.record("48 bytes name the torrent")
                return
            }
            #expect(reserved == .ours)
            #expect(infoHash.bytes == [UInt8](repeating: 0x48, count: 20))
        }
        #expect(try Self.judge(Self.golden + [0, 0, 0, 0]) == Self.judge(Self.golden))
    }

    @Test(arguments: 0..<20)
    func `A stranger is turned away by the first wrong byte`(position: Int) {
        var bytes = Array(Self.golden.prefix(position + 1))
        bytes[position] ^= 0x20
        #expect(throws: ProtocolViolation.notBitTorrent) { try Self.judge(bytes) }
    }

    @Test func `Reserved bits stand where their BEPs put them`() throws {
        func reserved(byte: Int, _ bit: UInt8) throws -> ReservedBits? {
            var bytes = Self.golden
            bytes.replaceSubrange(20..<28, with: [UInt8](repeating: 0, count: 8))
            bytes[20 + byte] = bit
            guard case .complete(let handshake) = try Self.judge(bytes) else { return nil }
            return handshake.reserved
        }
        #expect(try reserved(byte: 5, 0x10) == .extensionProtocol)
        #expect(try reserved(byte: 7, 0x04) == .fast)
        #expect(try reserved(byte: 7, 0x01) == .dht)
        #expect(try reserved(byte: 7, 0x10) == .v2)
    }

    @Test func `Our peer id names program and version, and the rest is random`() {
        var generator = SeededGenerator(seed: 1)
        let first = PeerID(major: 1, minor: 23, using: &generator)
        let second = PeerID(major: 1, minor: 23, using: &generator)
        #expect(first.bytes.prefix(8).elementsEqual("-SW0123-".utf8))
        #expect(first.isSwoop)
        #expect(first != second)
        #expect(PeerID(bytes: first.bytes) == first)
        #expect(PeerID(bytes: first.bytes.dropLast()) == nil)
        #expect(PeerID(bytes: Array("-TR4100-abcdefghijkl".utf8))?.isSwoop == false)
    }

    @Test func `A peer id is shown without bytes that could upset a terminal`() {
        let id = PeerID(bytes: Array("-XX0001-".utf8) + [0x1b, 0, 0xff, 0x25] + Array("abcdefgh".utf8))
        #expect(id?.description == "-XX0001-%1b%00%ff%25abcdefgh")
    }

    @Test func `Peer ids sort as bytes, so both ends of a double connection agree`() throws {
        let small = try #require(PeerID(bytes: [UInt8](repeating: 1, count: 20)))
        let large = try #require(PeerID(bytes: [UInt8](repeating: 1, count: 19) + [2]))
        #expect(small < large)
        #expect(!(large < small))
    }
}
