import Hashing
import TestSupport
import Testing
import Text

@Suite struct DualStreamTests {
    @Test(arguments: 0..<60) func `Both digests agree with the reference, however the bytes come`(seed: Int) throws {
        var random = SeededGenerator(seed: UInt64(seed))
        for implementation in Implementation.available {
            let lanes = Int.random(in: 0...9, using: &random)
            var stream = try #require(DualStream(from: .initial, at: 0, lanes: lanes, by: implementation))
            #expect(stream.laneCount == lanes)
            var message: [UInt8] = []
            var starts = [Int](repeating: 0, count: lanes)
            for _ in 0..<Int.random(in: 0...10, using: &random) {
                let most = [1, 64, 65, 300, 4000].randomElement(using: &random) ?? 0
                var part = random.bytes(Int.random(in: 0...most, using: &random))
                if Bool.random(using: &random) { part += random.bytes((64 - (message.count + part.count) % 64) % 64) }
                part.withUnsafeBytes { stream.update($0) }
                message += part
                for lane in 0..<lanes where Int.random(in: 0..<3, using: &random) == 0 {
                    stream.restart(lane)
                    if message.count % 64 == 0 { starts[lane] = message.count }
                }
                #expect(stream.byteCount == Int64(message.count))
                #expect((stream.state != nil) == (message.count % 64 == 0))
            }
            #expect(stream.digest.bytes == referenceSHA256(message))
            for lane in 0..<lanes {
                #expect(stream.sha1(lane).bytes == referenceSHA1(Array(message[starts[lane]...])))
            }
            #expect(stream.sha1(lanes) == .zero && stream.sha1(-1) == .zero)
            if lanes > 1 {
                stream.removeFirstLane()
                #expect(stream.laneCount == lanes - 1)
                #expect(stream.sha1(0).bytes == referenceSHA1(Array(message[starts[1]...])))
            }
        }
    }

    @Test func `A stream goes on from a state, and its lanes begin there`() throws {
        let message = randomBytes(1000)
        var first = DualStream(lanes: 1)
        first.update(UnsafeRawBufferPointer(start: nil, count: 0))
        message.prefix(640).withUnsafeBytes { first.update($0) }
        let state = try #require(first.state)
        var second = try #require(DualStream(from: state, at: 640, lanes: 2))
        message.dropFirst(640).withUnsafeBytes { second.update($0) }
        #expect(second.digest.bytes == referenceSHA256(message))
        #expect(second.sha1(1).bytes == referenceSHA1(Array(message[640...])))
        #expect(DualStream(from: state, at: 641, lanes: 1) == nil)
        #expect(DualStream(from: state, at: -64, lanes: 1) == nil)
    }
}
