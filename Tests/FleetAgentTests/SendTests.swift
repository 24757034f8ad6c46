import Fleet
import FleetAgent
import Foundation
import Hashing
import JSON
import Synchronization
import TestSupport
import Testing

@Suite struct SendTests {
    private func kept(
        include: [String] = [], exclude: [String] = [], own: [String] = [], of files: [String]
    ) throws -> [String] {
        let names = Set(files + files.compactMap { $0.split(separator: "/").dropLast().first.map(String.init) })
        let filter = try SendFilter(include: include, exclude: exclude, own: own) { names.contains($0) }
        return files.filter(filter.keeps)
    }

    @Test func `a pattern that is a path excludes that, another is a regular expression for the whole path`() throws {
        let files = ["a.txt", "axtxt", "b/a.txt", "b/c.txt", "d/e.log"]
        #expect(try kept(own: ["a.txt"], of: files) == ["axtxt", "b/a.txt", "b/c.txt", "d/e.log"])
        #expect(try kept(own: ["b"], of: files) == ["a.txt", "axtxt", "d/e.log"])
        #expect(try kept(own: ["b/"], of: files) == ["a.txt", "axtxt", "d/e.log"])
        #expect(try kept(own: [#".*\.txt"#], of: files) == ["axtxt", "d/e.log"])
        #expect(try kept(own: ["txt"], of: files) == files)
        #expect(try kept(exclude: ["txt"], of: files) == ["d/e.log"])
        #expect(try kept(include: ["log$"], of: files) == ["d/e.log"])
    }

    @Test(arguments: [(nil, 24, true), (nil, 23, false), (true, 300, true), (false, 300, false)])
    func `many targets that give to each other are left to do so`(p2p: Bool?, targets: Int64, isLeft: Bool) throws {
        let terms: JSONValue = p2p.map { ["dest": "app", "p2p": .bool($0)] } ?? ["dest": "app"]
        let record = SendRecord(
            job: "j-1", order: SendOrder(className: "app", path: "/x"), classVersion: 1, terms: terms, path: "/x",
            targets: targets)
        #expect(record.leavesCopiesToTargets == isLeft)
        #expect(try SendRecord(json: record.json) == record)
        // A record of an earlier version says no number.
        var object = try #require(record.json.objectValue)
        object["targets"] = nil
        #expect(try SendRecord(json: .object(object)).leavesCopiesToTargets == false)
    }

    @Test func `patterns are bounded`() {
        #expect(throws: SendFilter.Problem.self) { try kept(own: ["("], of: []) }
        #expect(throws: SendFilter.Problem.self) { try kept(own: [String](repeating: "a", count: 101), of: []) }
        #expect(throws: SendFilter.Problem.self) { try kept(own: [String(repeating: "a", count: 1025)], of: []) }
    }

    @Test func `CRC-32C is that of the standard, however the bytes are cut`() {
        for step in 1...12 {
            var crc = CRC32C()
            let bytes = Array("123456789".utf8)
            for start in stride(from: 0, to: bytes.count, by: step) {
                Array(bytes[start..<min(bytes.count, start + step)]).withUnsafeBytes { crc.update($0) }
            }
            #expect(crc.value == 0xe306_9283)
        }
        var zeros = CRC32C()
        [UInt8](repeating: 0, count: 32).withUnsafeBytes { zeros.update($0) }
        #expect(zeros.value == 0x8a91_36aa)
    }

    @Test(arguments: [("md5", "md5sum"), ("sha1", "sha1sum"), ("sha256", "sha256sum")])
    func `sums are those that the usual programs print`(check: String, program: String) async throws {
        try await inDirectory { directory in
            try directory.write("one", randomBytes(100_000))
            try directory.write("two", "")
            let sums = try await onThread {
                try FileSums.read(
                    [("one", directory.path("one")), ("two", directory.path("two"))], check: .init(rawValue: check)!)
            }
            let printed = try await Command.ending([
                "/usr/bin/\(program)", directory.path("one"), directory.path("two"),
            ])
            let lines = printed.output.split(separator: "\n").map { String($0.prefix { $0 != " " }) }
            #expect(sums.lines.map(\.sum) == lines)
        }
    }

    /// The content is read from the disk once: what the sums read has just been read by others.
    @Test(arguments: ["md5", "sha1", "sha256", "crc32c"])
    func `sums of what is being read follow, and are the same`(check: String) async throws {
        try await inDirectory { directory in
            try directory.write("one", randomBytes(3_000_000, seed: 1))
            try directory.write("two", randomBytes(2_000_000, seed: 2))
            let check = FleetClass.Check(rawValue: check)!
            let (one, two) = (directory.path("one"), directory.path("two"))
            let front = ReadFront()
            let flag = Flag()
            async let following = onThread {
                defer { flag.set() }
                return try FileSums.readWithDigests(
                    [("one", one, 3_000_000), ("two", two, 2_000_000)], check: check, behind: front)
            }
            front.advance(to: 4_000_000)
            try await Task.sleep(for: .milliseconds(100))
            #expect(!flag.isSet)
            front.end(failed: false)
            let found = try await following
            #expect(try await onThread { try FileSums.read([("one", one), ("two", two)], check: check) } == found.sums)
            #expect(found.digests == [directory.read("one")!, directory.read("two")!].map { SHA1.digest($0) })
        }
    }

    @Test func `sums of what cannot be read fail`() async throws {
        try await inDirectory { directory in
            try directory.write("one", randomBytes(3_000_000, seed: 1))
            let (one, front) = (directory.path("one"), ReadFront())
            front.end(failed: true)
            await #expect(throws: SumProblem.self) {
                try await onThread {
                    try FileSums.readWithDigests([("one", one, 3_000_000)], check: .sha1, behind: front)
                }
            }
        }
    }

    private final class Flag: Sendable {
        private let flag = Atomic(false)
        var isSet: Bool { flag.load(ordering: .acquiring) }
        func set() { flag.store(true, ordering: .releasing) }
    }
}
