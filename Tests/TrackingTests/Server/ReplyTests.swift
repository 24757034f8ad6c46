import Testing
import Tracking

@Suite struct ReplyTests {
    private func written(_ capacity: Int = 4096, _ body: (inout ByteWriter) -> Void) -> (text: String, isFull: Bool) {
        var memory = [UInt8](repeating: 0, count: capacity + 1)
        return memory.withUnsafeMutableBytes { buffer in
            guard let base = buffer.baseAddress else { return ("", true) }
            var writer = ByteWriter(base, capacity: capacity)
            body(&writer)
            #expect(buffer[capacity] == 0)
            return (String(decoding: buffer[..<writer.count], as: Unicode.ASCII.self), writer.isFull)
        }
    }

    @Test func `a refusal says why and when to come back`() {
        #expect(
            written { AnnounceReply.write(TrackerRefusal("no", retryMinutes: 5), to: &$0) }.text
                == "d14:failure reason2:no8:retry ini5ee")
        #expect(
            written { AnnounceReply.write(TrackerRefusal("no"), to: &$0) }.text
                == "d14:failure reason2:no8:retry in5:nevere")
    }

    @Test func `a scrape is in order and without repetition`() throws {
        let a = try #require(SwarmKey(bytes: Array("aaaaaaaaaaaaaaaaaaaa".utf8)))
        let b = try #require(SwarmKey(bytes: Array("bbbbbbbbbbbbbbbbbbbb".utf8)))
        let counts = SwarmCounts(seeds: 1, leechers: 2, downloaders: 3, completions: 4)
        let text = written { AnnounceReply.write(scrape: [(b, counts), (a, counts), (b, counts)], to: &$0) }.text
        let entry = "d8:completei1e10:downloadedi4e11:downloadersi3e10:incompletei2ee"
        #expect(text == "d5:filesd20:aaaaaaaaaaaaaaaaaaaa\(entry)20:bbbbbbbbbbbbbbbbbbbb\(entry)ee")
    }

    @Test func `numbers are written without loss`() {
        for value: UInt64 in [0, 9, 10, 99, 100, 12_345_678_901_234_567_890, .max, 9_999_999_999_999_999_999] {
            #expect(written { $0.write(decimal: value) }.text == String(value))
        }
    }

    @Test func `nothing is written past the end`() {
        for capacity in 0..<40 {
            let result = written(capacity) { AnnounceReply.write(TrackerRefusal("no", retryMinutes: 5), to: &$0) }
            #expect(result.isFull == (capacity < 36))
        }
    }

    @Test func `a length is filled in afterwards`() {
        #expect(
            written {
                $0.write("a:       b")
                $0.fill(decimal: 342, width: 7, at: 2)
            }.text == "a:    342b")
        #expect(
            written {
                $0.write("   ")
                $0.fill(decimal: 1000, width: 3, at: 0)
            }.isFull)
        #expect(
            written {
                $0.write("   ")
                $0.fill(decimal: 1, width: 3, at: 1)
            }.isFull)
    }

    @Test func `allow lists have one hash a line`() throws {
        let hash = String(repeating: "ab", count: 20)
        let v2 = String(repeating: "CD", count: 32)
        let text = "\(hash)\n\n  \(v2)\t# a v2 one\r\n# nothing\n"
        let keys = try AllowListText.parse(Array(text.utf8))
        #expect(keys.count == 2)
        #expect(keys.contains(try #require(SwarmKey(hex: hash))))
        #expect(keys.contains(try #require(SwarmKey(bytes: [UInt8](repeating: 0xcd, count: 20)))))
        #expect(try AllowListText.parse([]).isEmpty)
    }

    @Test(arguments: ["xx", "aabb", String(repeating: "a", count: 41), String(repeating: "g", count: 40)])
    func `a wrong line of an allow list is named`(line: String) {
        let good = String(repeating: "ab", count: 20)
        let problem = #expect(throws: AllowListText.Problem.self) {
            try AllowListText.parse(Array("\(good)\n\(line)\n".utf8))
        }
        #expect(problem?.number == 2)
    }
}
