import Address
import Hashing
import PeerWire
import Testing
import Text

/// How a stream is cut into reads must not matter, and what is written must be what is read.
@Suite struct StreamTests {
    @Test(arguments: 0..<50)
    func `Fed in any steps a stream gives the same messages as at once`(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var bytes = Bool.random(using: &generator) ? Message.bitfield([0x12, 0x34, 0x50]).encoded : []
        for _ in 0..<40 {
            switch Int.random(in: 0..<8, using: &generator) {
            case 0: bytes += Self.piece(&generator)
            case 1: bytes += Self.unknown(&generator)
            default: bytes += Self.message(&generator).encoded
            }
        }
        let whole = Connection.read(bytes)
        #expect(whole.violation == nil)
        #expect(whole.unread == 0)
        for step in [1, 2, 7, Int.random(in: 3...999, using: &generator)] {
            var inParts = Connection.read(bytes, step: step)
            inParts.mostWanted = whole.mostWanted
            #expect(inParts == whole)
        }
    }

    @Test(arguments: 0..<200)
    func `Every message survives encoding and decoding`(seed: UInt64) {
        var generator = SeededGenerator(seed: seed &+ 1000)
        let sent = (0..<20).map { _ in Self.message(&generator) }
        let received = Connection.read(sent.flatMap(\.encoded))
        #expect(received.violation == nil)
        #expect(received.messages == sent)
        #expect(received.unread == 0)
    }

    @Test(arguments: 0..<200)
    func `Noise is refused or skipped, and never waited for beyond the limits`(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var bytes: [UInt8] = []
        while bytes.count < 3000 {
            var message = Self.message(&generator).encoded
            for _ in 0..<Int.random(in: 0...2, using: &generator) {
                let position = Int.random(in: 0..<message.count, using: &generator)
                message[position] = UInt8.random(in: 0...255, using: &generator)
            }
            bytes += message
        }
        let received = Connection.read(bytes)
        #expect(received.mostWanted <= WireLimits.default.longestMessage + 4)
        var inParts = Connection.read(bytes, step: 1)
        // One byte at a time stops at the first wrong byte; what comes after it is never buffered.
        inParts.mostWanted = received.mostWanted
        inParts.unread = received.unread
        #expect(inParts == received)
    }

    @Test func `A length of zero is a keep-alive, however many there are`() {
        let received = Connection.read([UInt8](repeating: 0, count: 4000))
        #expect(received.messages == [Message](repeating: .keepAlive, count: 1000))
    }

    @Test func `Unknown messages are skipped as they come, without being buffered`() {
        var connection = Connection()
        connection.feed(number(1 + 500_000) + [200])
        for _ in 0..<500 { connection.feed([UInt8](repeating: 1, count: 1000)) }
        #expect(connection.received.unread == 0)
        #expect(connection.received.mostWanted <= 5)
        connection.feed(frame(1))
        #expect(connection.received.messages == [.unchoke])
    }

    @Test func `Extended messages of ids we never gave out are skipped`() {
        let received = Connection.read(extendedFrame(99, [UInt8](repeating: 5, count: 3000)) + frame(1), step: 10)
        #expect(received.messages == [.unchoke])
        #expect(received.violation == nil)
    }

    // MARK: Random input

    static func block(_ generator: inout SeededGenerator) -> BlockRequest {
        BlockRequest(
            index: .random(in: 0..<19, using: &generator), begin: .random(in: 0..<16384, using: &generator),
            length: .random(in: 1...16384, using: &generator))
    }

    static func piece(_ generator: inout SeededGenerator) -> [UInt8] {
        let payload = [UInt8](
            repeating: .random(in: 0...255, using: &generator), count: .random(in: 1...900, using: &generator))
        return frame(7, number(.random(in: 0..<19, using: &generator)) + number(100) + payload)
    }

    static func unknown(_ generator: inout SeededGenerator) -> [UInt8] {
        frame(
            .random(in: 24...255, using: &generator),
            [UInt8](repeating: 3, count: .random(in: 0...99, using: &generator)))
    }

    static func endpoint(_ generator: inout SeededGenerator) -> PeerAddress? {
        let count = Bool.random(using: &generator) ? 4 : 16
        let bytes = (0..<count).map { _ in UInt8.random(in: 1...255, using: &generator) }
        return PeerAddress(addressBytes: bytes, port: .random(in: 1...65535, using: &generator))
    }

    static func message(_ generator: inout SeededGenerator) -> Message {
        let index = UInt32.random(in: 0..<20, using: &generator)
        let hashes = HashRequest(
            piecesRoot: .filled(9), baseLayer: index, index: 8 * index, length: 4, proofLayers: index)
        switch Int.random(in: 0..<23, using: &generator) {
        case 0: return .keepAlive
        case 1: return .choke
        case 2: return .unchoke
        case 3: return .interested
        case 4: return .notInterested
        case 5: return .have(index)
        case 6: return .request(block(&generator))
        case 7: return .cancel(block(&generator))
        case 8: return .reject(block(&generator))
        case 9: return .suggest(index)
        case 10: return .allowedFast(index)
        case 11: return .port(.random(in: 0...65535, using: &generator))
        case 12: return .hashRequest(hashes)
        case 13: return .hashReject(hashes)
        case 14: return .hashes(hashes, (0..<hashes.hashCount).map { .filled(UInt8($0)) })
        case 15: return .extended(.dontHave(index))
        case 16: return .extended(.uploadOnly(.random(using: &generator)))
        case 17: return .extended(.metadata(metadata(&generator)))
        case 18: return .extended(.grant(.random(using: &generator) ? index : nil))
        case 19: return .extended(.grantOver)
        case 20: return .extended(.grants(.random(using: &generator)))
        case 21: return .extended(.claim(piece: index, number: .random(in: 0...(.max), using: &generator)))
        default:
            let added = (0..<5).compactMap { _ in endpoint(&generator) }.sorted {
                $0.family.rawValue < $1.family.rawValue
            }
            return .extended(.peerExchange(PeerExchange(added: added.map { .init(endpoint: $0, flags: .reachable) })))
        }
    }

    static func metadata(_ generator: inout SeededGenerator) -> MetadataMessage {
        let piece = Int.random(in: 0..<4, using: &generator)
        switch Int.random(in: 0..<3, using: &generator) {
        case 0: return .request(piece: piece)
        case 1: return .reject(piece: piece)
        default:
            let size = 3 * MetadataMessage.pieceLength + 77
            let length = MetadataMessage.length(ofPiece: piece, size: size)
            return .data(piece: piece, totalSize: size, bytes: [UInt8](repeating: 1, count: length))
        }
    }
}
