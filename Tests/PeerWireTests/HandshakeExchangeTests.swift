import Hashing
import PeerWire
import Testing

@Suite struct `The handshake of a connection` {
    private let first = SHA1Digest(bytes: [UInt8](repeating: 1, count: 20)) ?? .zero
    private let second = SHA1Digest(bytes: [UInt8](repeating: 2, count: 20)) ?? .zero
    private let stranger = SHA1Digest(bytes: [UInt8](repeating: 3, count: 20)) ?? .zero
    private let peer = PeerID(bytes: Array("-XX0001-abcdefghijkl".utf8))

    private func handshake(_ hash: SHA1Digest, _ reserved: ReservedBits = .ours) throws -> Handshake {
        Handshake(reserved: reserved, infoHash: hash, peerID: try #require(peer))
    }

    private func bytes(_ handshake: Handshake) -> [UInt8] {
        var bytes: [UInt8] = []
        handshake.encode(into: &bytes)
        return bytes
    }

    private func receive(_ bytes: some Sequence<UInt8>, _ exchange: inout HandshakeExchange) throws
        -> HandshakeExchange.Step
    {
        try Array(bytes).withUnsafeBytes { try exchange.received($0) }
    }

    @Test func `that came in names its torrent with the 48th byte, and is done with the 68th`() throws {
        let theirs = try handshake(first)
        var exchange = HandshakeExchange()
        for byte in bytes(theirs).prefix(47) { #expect(try receive([byte], &exchange) == .needMore) }
        #expect(try receive([bytes(theirs)[47]], &exchange) == .lookUp(first))
        #expect(exchange.infoHash == nil)
        #expect(try exchange.found([first], second: nil) == .needMore)
        #expect(exchange.infoHash == first)
        #expect(exchange.missing == 20)
        for byte in bytes(theirs)[48..<67] { #expect(try receive([byte], &exchange) == .needMore) }
        #expect(try receive([bytes(theirs)[67]], &exchange) == .complete(theirs))
    }

    @Test func `that comes whole is looked up first, and done when the torrent is found`() throws {
        let theirs = try handshake(first)
        var exchange = HandshakeExchange()
        #expect(try receive(bytes(theirs), &exchange) == .lookUp(first))
        #expect(exchange.missing == 0)
        #expect(try exchange.found([first], second: nil) == .complete(theirs))
    }

    @Test func `moves to the second version of a hybrid when the peer can`() throws {
        for (reserved, own) in [(ReservedBits.ours.union(.v2), second), (.ours, first)] {
            var exchange = HandshakeExchange()
            #expect(try receive(bytes(handshake(first, reserved)), &exchange) == .lookUp(first))
            _ = try exchange.found([first, second], second: second)
            #expect(exchange.infoHash == own)
        }
    }

    @Test func `that this host began ends well for any hash of the torrent, and for no other`() throws {
        for answer in [first, second] {
            var exchange = HandshakeExchange(infoHash: first, accepted: [first, second])
            let theirs = try handshake(answer)
            #expect(try receive(bytes(theirs), &exchange) == .complete(theirs))
        }
        var exchange = HandshakeExchange(infoHash: first, accepted: [first, second])
        #expect(try receive(bytes(handshake(stranger)).prefix(48), &exchange) == .wrongTorrent)
    }

    @Test func `takes no byte of the messages behind it`() throws {
        let theirs = try handshake(first)
        var exchange = HandshakeExchange(infoHash: first, accepted: [first])
        #expect(try receive(bytes(theirs) + [0, 0, 0, 0], &exchange) == .complete(theirs))
        #expect(exchange.missing == 0)
    }

    @Test func `ends at the first wrong byte`() {
        var exchange = HandshakeExchange()
        #expect(throws: ProtocolViolation.notBitTorrent) { try receive(Array("GET".utf8), &exchange) }
    }
}
