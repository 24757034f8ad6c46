import Hashing
import TestSupport
import Testing
import Text

private func withRuns<R>(_ parts: [(SHA256State, [UInt8], Int64?)], _ body: ([SHA256Run]) -> R) -> R {
    let copies = parts.map { part in
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: part.1.count, alignment: 1)
        copy.copyBytes(from: part.1)
        return copy
    }
    defer { for copy in copies { copy.deallocate() } }
    return body(zip(parts, copies).map { SHA256Run(from: $0.0, UnsafeRawBufferPointer($1), endOfMessageOf: $0.2) })
}

private func after(
    _ parts: [(SHA256State, [UInt8], Int64?)], by implementation: Implementation = .best
) -> [SHA256State?] {
    withRuns(parts) { SHA256.states(after: $0, by: implementation) }
}

@Suite struct SHA256StateTests {
    @Test func `The first state is the constant of FIPS 180-4`() {
        #expect(SHA256State.initial.hex == "6a09e667bb67ae853c6ef372a54ff53a510e527f9b05688c1f83d9ab5be0cd19")
        #expect(SHA256State(hex: SHA256State.initial.hex) == .initial)
        #expect(SHA256State(bytes: SHA256State.initial.bytes) == .initial)
    }

    @Test(arguments: [0, 1, 31, 33, 64]) func `A state has exactly 32 bytes`(count: Int) {
        #expect(SHA256State(bytes: [UInt8](repeating: 7, count: count)) == nil)
        #expect([UInt8](repeating: 7, count: count).withUnsafeBytes { SHA256State(bytes: $0) } == nil)
        #expect(SHA256State(hex: String(repeating: "a", count: 2 * count)) == nil)
    }

    @Test func `The state after a padded message is its digest`() {
        let padded = Array("abc".utf8) + [0x80] + [UInt8](repeating: 0, count: 59) + [24]
        for implementation in Implementation.available {
            let state = after([(.initial, padded, nil)], by: implementation)
            #expect(state.map { $0?.digest } == [SHA256.digest(Array("abc".utf8))])
        }
    }

    @Test(arguments: 0..<40) func `A message cut anywhere at blocks ends in its digest`(seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed))
        for implementation in Implementation.available {
            let message = random.bytes(Int.random(in: 0...3000, using: &random))
            var state = SHA256State.initial
            var position = 0
            while message.count - position >= 64, Int.random(in: 0..<4, using: &random) > 0 {
                let blocks = Int.random(in: 0...(message.count - position) / 64, using: &random)
                let part = Array(message[position..<position + 64 * blocks])
                state = after([(state, part, nil)], by: implementation)[0] ?? .initial
                position += part.count
            }
            let end = after([(state, Array(message[position...]), Int64(message.count))], by: implementation)[0]
            #expect(end?.digest.bytes == referenceSHA256(message))
        }
    }

    @Test(arguments: 0..<40) func `Any number of runs together give what each gives alone`(seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed) + 100)
        let parts = (0..<Int.random(in: 0...11, using: &random)).map { _ -> (SHA256State, [UInt8], Int64?) in
            let state = SHA256State(bytes: random.bytes(32)) ?? .initial
            let bytes = random.bytes([0, 64, 128, 640, 64 * 33].randomElement(using: &random) ?? 0)
            guard Bool.random(using: &random) else { return (state, bytes, nil) }
            let end = bytes + random.bytes(Int.random(in: 0...63, using: &random))
            return (state, end, Int64(end.count + 64 * Int.random(in: 0...5, using: &random)))
        }
        let expected = parts.map { after([$0], by: .portable)[0] }
        #expect(!expected.contains(nil))
        for implementation in Implementation.available {
            #expect(after(parts, by: implementation) == expected)
        }
    }

    @Test func `A run that does not end at a block has no state`() {
        #expect(after([(.initial, [1], nil)]) == [nil])
        #expect(after([(.initial, randomBytes(65), nil)]) == [nil])
        // The message would be shorter than its end, or begin in the middle of a block.
        #expect(after([(.initial, randomBytes(64), 63)]) == [nil])
        #expect(after([(.initial, randomBytes(64), 65)]) == [nil])
        #expect(after([(.initial, [], -64)]) == [nil])
        // Others beside it are not disturbed.
        #expect(after([(.initial, [1], nil), (.initial, [], 0)]) == [nil, SHA256State(endingIn: SHA256.digest([]))])
    }

    @Test func `A message of more than 512 MiB has its length in the padding`() {
        // The length in bits takes more than 32 bits.
        let length: Int64 = 1 << 33
        var expected = after([(.initial, [0x80] + [UInt8](repeating: 0, count: 55) + [0, 0, 0, 16, 0, 0, 0, 0], nil)])
        #expect(after([(.initial, [], length)]) == expected)
        expected = after([(.initial, [], length)], by: .portable)
        #expect(after([(.initial, [], length)]) == expected)
    }
}

@Suite struct SHA256StreamTests {
    @Test(arguments: 0..<40) func `Parts of any length give the digest of the whole`(seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed))
        var message: [UInt8] = []
        var stream = SHA256Stream()
        for _ in 0..<Int.random(in: 0...12, using: &random) {
            let most = [1, 63, 64, 65, 200, 5000].randomElement(using: &random) ?? 0
            let part = random.bytes(Int.random(in: 0...most, using: &random))
            stream.update(part)
            message += part
            #expect(stream.byteCount == Int64(message.count))
            #expect((stream.state != nil) == (message.count % 64 == 0))
            #expect(stream.digest.bytes == referenceSHA256(message))
        }
        #expect(stream.digest.bytes == referenceSHA256(message))
    }

    @Test(arguments: 0..<20) func `A stream goes on from any of its states`(seed: Int) throws {
        var random = SeededGenerator(seed: UInt64(seed) + 50)
        let message = random.bytes(Int.random(in: 100...5000, using: &random))
        var first = SHA256Stream()
        first.update(Array(message.prefix(Int.random(in: 0...message.count, using: &random))))
        let (state, position) = first.lastState
        #expect(position % 64 == 0 && first.byteCount - position < 64)
        var second = try #require(SHA256Stream(from: state, at: position))
        second.update(Array(message[Int(position)...]))
        #expect(second.digest.bytes == referenceSHA256(message))
    }

    @Test(arguments: [-64, -1, 1, 63, 65]) func `A stream goes on at a multiple of 64 bytes only`(position: Int64) {
        #expect(SHA256Stream(from: .initial, at: position) == nil)
    }

    @Test(arguments: 0..<20) func `Several streams together give what each gives alone`(seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed) + 90)
        let count = Int.random(in: 1...7, using: &random)
        var streams = [SHA256Stream](repeating: SHA256Stream(), count: count)
        var messages = [[UInt8]](repeating: [], count: count)
        for _ in 0..<6 {
            let parts = (0..<count).map { _ in random.bytes(Int.random(in: 0...400, using: &random)) }
            let flat = parts.flatMap { $0 }
            flat.withUnsafeBytes { bytes in
                var start = 0
                SHA256Stream.update(
                    &streams,
                    with: parts.map { part in
                        defer { start += part.count }
                        return UnsafeRawBufferPointer(rebasing: bytes[start..<start + part.count])
                    })
            }
            for index in messages.indices { messages[index] += parts[index] }
        }
        #expect(streams.map(\.digest.bytes) == messages.map(referenceSHA256))
    }
}
