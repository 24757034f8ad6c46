import Hashing
import TestSupport
import Testing
import Text

/// Every way to hash that this processor has.
private let implementations = Implementation.available

/// The digests that `hash` stores, one for each message.
private func digests<Digest>(
    _ messages: [[UInt8]], by hash: ((Int) -> UnsafeRawBufferPointer, (Int, Digest) -> Void) -> Void
) -> [Digest?] {
    let flat = messages.flatMap { $0 }
    var start = 0
    let ranges = messages.map { message in
        defer { start += message.count }
        return start..<(start + message.count)
    }
    var digests = [Digest?](repeating: nil, count: messages.count)
    flat.withUnsafeBytes { bytes in
        hash({ UnsafeRawBufferPointer(rebasing: bytes[ranges[$0]]) }) { index, digest in
            #expect(digests[index] == nil, "a digest is given once")
            digests[index] = digest
        }
    }
    return digests
}

private func expectReference(_ messages: [[UInt8]], by implementation: Implementation, lanes: Int) {
    let sha1 = digests(messages) {
        SHA1.digests(count: messages.count, by: implementation, lanes: lanes, of: $0, store: $1)
    }
    let sha256 = digests(messages) {
        SHA256.digests(count: messages.count, by: implementation, lanes: lanes, of: $0, store: $1)
    }
    #expect(sha1.map { $0?.bytes } == messages.map(referenceSHA1))
    #expect(sha256.map { $0?.bytes } == messages.map(referenceSHA256))
}

@Suite struct HashTests {
    @Test func `known answers`() {
        #expect(SHA1.digest(Array("abc".utf8)).hex == "a9993e364706816aba3e25717850c26c9cd0d89d")
        #expect(SHA1.digest([]).hex == "da39a3ee5e6b4b0d3255bfef95601890afd80709")
        #expect(
            SHA256.digest(Array("abc".utf8)).hex
                == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    }

    @Test(arguments: 1...4)
    func `every number of lanes agrees with the reference around block boundaries`(lanes: Int) {
        var random = SeededGenerator(seed: 1)
        let messages = (0...200).map { random.bytes($0) }
        for implementation in implementations {
            expectReference(messages, by: implementation, lanes: lanes)
        }
    }

    @Test(arguments: 0..<60)
    func `messages of random lengths agree with the reference`(seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed) + 1000)
        let messages = (0..<Int.random(in: 0...13, using: &random)).map { _ in
            let most = [0, 63, 64, 128, 1000, 20000].randomElement(using: &random) ?? 0
            return random.bytes(Int.random(in: 0...most, using: &random))
        }
        let lanes = Int.random(in: 1...4, using: &random)
        for implementation in implementations {
            expectReference(messages, by: implementation, lanes: lanes)
        }
    }

    @Test func `a batch keeps the order of its messages`() {
        let bytes = randomBytes(5000)
        bytes.withUnsafeBytes { all in
            let messages = (0..<7).map {
                UnsafeRawBufferPointer(rebasing: all[($0 * 13)..<(5000 - $0 * 600)])
            }
            #expect(SHA1.digests(messages) == messages.map { SHA1.digest($0) })
            #expect(SHA256.digests(messages) == messages.map { SHA256.digest($0) })
        }
        #expect(SHA1.digests([]).isEmpty)
    }
}

@Suite struct StreamTests {
    @Test(arguments: 0..<60)
    func `messages fed in random parts agree with the reference`(seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed))
        let lanes = Int.random(in: 1...4, using: &random)
        for implementation in implementations {
            var streams = SHA1Streams(laneCount: lanes, by: implementation)
            var fed = [[UInt8]](repeating: [], count: lanes)
            for _ in 0..<30 {
                let parts = (0..<lanes).map { _ in
                    random.bytes(
                        Int.random(
                            in: 0...([1, 64, 65, 700].randomElement(using: &random) ?? 0), using: &random))
                }
                update(&streams, parts)
                for lane in 0..<lanes { fed[lane] += parts[lane] }
                if Int.random(in: 0..<5, using: &random) == 0 {
                    let lane = Int.random(in: 0..<lanes, using: &random)
                    #expect(streams.finish(lane)?.bytes == referenceSHA1(fed[lane]))
                    fed[lane] = []
                }
            }
            for lane in 0..<lanes { #expect(streams.finish(lane)?.bytes == referenceSHA1(fed[lane])) }
            #expect(streams.finish(lanes) == nil)
        }
    }

    private func update(_ streams: inout SHA1Streams, _ parts: [[UInt8]]) {
        let flat = parts.flatMap { $0 }
        flat.withUnsafeBytes { bytes in
            var start = 0
            streams.update(
                parts.map { part in
                    defer { start += part.count }
                    return UnsafeRawBufferPointer(rebasing: bytes[start..<(start + part.count)])
                })
        }
    }
}

@Suite struct DigestTests {
    @Test func `digests are ordered as their bytes are`() {
        var random = SeededGenerator(seed: 3)
        for _ in 0..<500 {
            var left = random.bytes(32)
            let right = random.bytes(32)
            let shared = Int.random(in: 0...32, using: &random)
            left.replaceSubrange(..<shared, with: right[..<shared])
            let less = left.lexicographicallyPrecedes(right)
            #expect(
                SHA256Digest(bytes: left).flatMap { l in SHA256Digest(bytes: right).map { l < $0 } } == less
            )
            let less20 = left.prefix(20).lexicographicallyPrecedes(right.prefix(20))
            #expect(
                SHA1Digest(bytes: left.prefix(20)).flatMap { l in
                    SHA1Digest(bytes: right.prefix(20)).map { l < $0 }
                }
                    == less20)
        }
    }

    @Test func `bytes and hexadecimal go both ways`() throws {
        let bytes = randomBytes(32)
        let digest = try #require(SHA256Digest(bytes: bytes))
        #expect(digest.bytes == bytes)
        #expect(SHA256Digest(hex: digest.hex) == digest)
        #expect(SHA256Digest(hex: digest.hex.uppercased()) == digest)
        #expect(digest.truncated.bytes == Array(bytes[..<20]))
        #expect(SHA1Digest(hex: digest.truncated.hex) == digest.truncated)
        #expect(digest.withUnsafeBytes { $0.count } == 32)
        #expect(digest.truncated.withUnsafeBytes { Array($0) } == Array(bytes[..<20]))
        #expect(MemoryLayout<SHA256Digest>.stride == 32)
    }

    @Test(arguments: [
        "", "a9", "a9993e364706816aba3e25717850c26c9cd0d89",
        "a9993e364706816aba3e25717850c26c9cd0d89dff",
        "g9993e364706816aba3e25717850c26c9cd0d89d", "+9993e364706816aba3e25717850c26c9cd0d89d",
    ])
    func `what is not forty digits is no digest`(text: String) {
        #expect(SHA1Digest(hex: text) == nil)
        #expect(SHA256Digest(hex: text) == nil)
        #expect(SHA1Digest(bytes: Array(text.utf8.prefix(19))) == nil)
    }
}
