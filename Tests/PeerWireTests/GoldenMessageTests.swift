import Hashing
import PeerWire
import Testing

/// Bytes as the BEPs give them, both ways.
@Suite struct GoldenMessageTests {
    static let root = SHA256Digest.filled(7)

    static let simple: [(Message, [UInt8])] = [
        (.keepAlive, [0, 0, 0, 0]),
        (.choke, [0, 0, 0, 1, 0]),
        (.unchoke, [0, 0, 0, 1, 1]),
        (.interested, [0, 0, 0, 1, 2]),
        (.notInterested, [0, 0, 0, 1, 3]),
        (.have(19), [0, 0, 0, 5, 4, 0, 0, 0, 19]),
        (.bitfield([0xff, 0xff, 0xf0]), [0, 0, 0, 4, 5, 0xff, 0xff, 0xf0]),
        (.request(block(1, 0x4000, 0x4000)), [0, 0, 0, 13, 6, 0, 0, 0, 1, 0, 0, 0x40, 0, 0, 0, 0x40, 0]),
        (.cancel(block(1, 0x4000, 0x4000)), [0, 0, 0, 13, 8, 0, 0, 0, 1, 0, 0, 0x40, 0, 0, 0, 0x40, 0]),
        (.port(6881), [0, 0, 0, 3, 9, 0x1a, 0xe1]),
        (.suggest(3), [0, 0, 0, 5, 0x0d, 0, 0, 0, 3]),
        (.haveAll, [0, 0, 0, 1, 0x0e]),
        (.haveNone, [0, 0, 0, 1, 0x0f]),
        (.reject(block(1, 0x4000, 0x4000)), [0, 0, 0, 13, 0x10, 0, 0, 0, 1, 0, 0, 0x40, 0, 0, 0, 0x40, 0]),
        (.allowedFast(3), [0, 0, 0, 5, 0x11, 0, 0, 0, 3]),
    ]

    @Test(arguments: simple.indices)
    func `Messages of BEP 3, 5 and 6 have their bytes`(number: Int) {
        let (message, bytes) = Self.simple[number]
        #expect(message.encoded == bytes)
        #expect(Connection.read(bytes).messages == [message])
        #expect(message.kind?.rawValue == (bytes.count > 4 ? bytes[4] : nil))
    }

    @Test func `Hash messages of BEP 52 have their bytes`() {
        let request = HashRequest(piecesRoot: Self.root, baseLayer: 1, index: 4, length: 2, proofLayers: 3)
        let fields = Self.root.bytes + number(1) + number(4) + number(2) + number(3)
        // The first log2(2) - 1 = 0 proof layers are left out: 2 hashes and 3 uncles.
        let digests = (1...5).map { SHA256Digest.filled($0) }
        #expect(request.hashCount == 5)
        for (message, bytes) in [
            (Message.hashRequest(request), [0, 0, 0, 49, 21] + fields),
            (.hashReject(request), [0, 0, 0, 49, 23] + fields),
            (.hashes(request, digests), [0, 0, 0, 49 + 160, 22] + fields + digests.flatMap(\.bytes)),
        ] {
            #expect(message.encoded == bytes)
            #expect(Connection.read(bytes).messages == [message])
        }
    }

    @Test(arguments: [(2, 0, 0), (2, 1, 1), (4, 1, 0), (8, 5, 3), (512, 8, 0), (512, 10, 2)])
    func `The proof leaves out the layers that follow from the hashes`(length: Int, layers: Int, uncles: Int) {
        let request = HashRequest(
            piecesRoot: Self.root, baseLayer: 0, index: 0, length: UInt32(length), proofLayers: UInt32(layers))
        #expect(request.uncleCount == uncles)
        #expect(request.isWellFormed())
    }

    @Test func `A piece is a header, and its data stays outside`() {
        let bytes = frame(7, number(2) + number(0x4000) + [9, 8, 7]) + frame(4, number(1))
        let received = Connection.read(bytes)
        #expect(received.pieces == [PieceHeader(index: 2, begin: 0x4000, length: 3)])
        #expect(received.payload == [9, 8, 7])
        #expect(received.messages == [.have(1)])
        #expect(received.mostWanted <= 13)
    }

    @Test func `A piece's header written into a buffer is what comes before its data`() {
        func written(_ write: (UnsafeMutableRawBufferPointer) -> Int) -> [UInt8] {
            var buffer = [UInt8](repeating: 0xaa, count: 32)
            let count = buffer.withUnsafeMutableBytes(write)
            #expect(buffer[count...].allSatisfy { $0 == 0xaa })
            return Array(buffer.prefix(count))
        }
        let header = PieceHeader(index: 2, begin: 0x4000, length: 3)
        #expect(
            written { FixedFrame.pieceHeader(header, into: $0) } == [0, 0, 0, 12, 7] + number(2) + number(0x4000))
    }
}
