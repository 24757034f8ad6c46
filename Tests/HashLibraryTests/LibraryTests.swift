import Foundation
import Glibc
import HashLibrary
import Hashing
import TestFileLayers
import TestSupport
import Testing
import Threads

struct LibraryTests {
    @Test func `the first start finds what is there, in readable lines sorted by path`() async throws {
        let place = try Place()
        let a = try place.put("b/a.mxf", randomBytes(300_000))
        let b = try place.put("a/ä b.xml", "hello")
        try place.put("a/x.torrent", "no content")
        try place.put("a.finished", "")
        try place.put(".swoop/half/a.mxf", "half")
        try await place.withLibrary { library in
            #expect(
                place.lines == [
                    "\(b.sha1.hex) 5 \(place.root)/a/ä b.xml", "\(a.sha1.hex) 300000 \(place.root)/b/a.mxf",
                ])
            #expect(await library.has(a) == "\(place.root)/b/a.mxf")
            let path = try place.at("a/ä b.xml")
            #expect(await library.hash(of: path) == b.sha1)
            #expect(await library.has(ContentKey(sha1: a.sha1, size: 1)) == nil)
            let report = try await library.check(reading: true)
            #expect(report.isClean)
        }
    }

    @Test func `a restart hashes nothing that did not change, and all that did`() async throws {
        let place = try Place()
        for index in 0..<20 { try place.put("f\(index)", randomBytes(10_000, seed: UInt64(index))) }
        try await place.withLibrary { #expect(await $0.progress.bytesHashed == 200_000) }
        let changed = try place.put("f3", randomBytes(7_000, seed: 99))
        try place.remove("f4")
        let new = try place.put("new", "new")
        try await place.withLibrary { library in
            #expect(await library.progress.bytesHashed == 7_003)
            #expect(await library.has(changed) != nil)
            #expect(await library.has(new) != nil)
            #expect(place.lines.count == 20)
        }
    }

    @Test func `hashing goes on where it stopped`() async throws {
        let place = try Place()
        for index in 0..<200 { try place.put("f\(index)", randomBytes(50_000, seed: UInt64(index))) }
        let library = try place.library()
        try await library.start()
        _ = try await eventually { await library.progress.bytesHashed > 0 }
        await library.stop()
        let first = await library.progress.bytesHashed
        try await place.withLibrary { again in
            #expect(place.lines.count == 200)
            let second = await again.progress.bytesHashed
            // Files in the middle of which it stopped are read twice, no others.
            #expect(first + second <= Int64(200 * 50_000 + Threads.processors * 4 * 50_000))
        }
    }

    @Test func `names of any bytes are kept`() async throws {
        let place = try Place()
        try place.makeDirectory("")
        let name: [UInt8] = [0xff, 0x0a, 0x5c, 0x20, 0x1b, 0x41]
        let path = try #require(try place.at("x").parent.appending(name))
        let descriptor = open(path.system.terminated, O_WRONLY | O_CREAT, 0o644)
        _ = write(descriptor, "abc", 3)
        close(descriptor)
        let key = ContentKey(sha1: SHA1.digest(Array("abc".utf8)), size: 3)
        try await place.withLibrary { library in
            #expect(await library.lookup(sha1: key.sha1, size: 3) == path)
        }
        try await place.withLibrary { library in
            #expect(await library.lookup(sha1: key.sha1, size: 3) == path)
            #expect(await library.progress.bytesHashed == 0)
        }
    }

    @Test func `a file that changed or vanished unseen is never handed out`() async throws {
        let place = try Place()
        let a = try place.put("a", "aaaa")
        let b = try place.put("b", "bbbb")
        let library = try place.library { $0.watches = false }
        try await library.start()
        await library.waitUntilCurrent()
        #expect(await library.has(a) != nil)
        try place.put("a", "AAAA")
        try place.remove("b")
        #expect(await library.has(a) == nil)
        #expect(await library.has(b) == nil)
        #expect(await library.hash(of: try place.at("a")) == nil)
        await library.stop()
    }

    @Test func `removed lines are obeyed at once and after a restart`() async throws {
        let place = try Place()
        let a = try place.put("a", "aaaa")
        let b = try place.put("b", "bbbb")
        try await place.withLibrary { library in
            try place.edit { $0.filter { !$0.hasSuffix("/a") } }
            #expect(await library.has(a) == nil)
            #expect(await library.has(b) != nil)
            #expect(place.lines.count == 1)
        }
        try await place.withLibrary { library in
            #expect(await library.has(a) == nil)
            #expect(place.lines.count == 1)
            // Asked for by hand it comes back.
            _ = try await library.add(try place.at("a"))
            #expect(await library.has(a) != nil)
        }
    }

    @Test func `an edited line is believed only if it is true`() async throws {
        let place = try Place()
        let a = try place.put("a", "aaaa")
        try await place.withLibrary { library in
            let lie = SHA1.digest(Array("lie!".utf8))
            try place.edit { _ in ["\(lie.hex) 4 \(place.root)/a"] }
            #expect(await library.has(ContentKey(sha1: lie, size: 4)) == nil)
            #expect(await library.has(a) == nil)
            await library.waitUntilCurrent()
            #expect(place.lines == ["\(lie.hex) 4 \(place.root)/a"])
            #expect(try await library.check().untrue == [try place.at("a")])
            try place.edit { _ in ["\(a.sha1.hex.uppercased())\t4\t\(place.root)/a"] }
            #expect(await library.has(a) != nil)
        }
    }

    @Test func `a table of another program is taken over once it was checked`() async throws {
        let place = try Place()
        let a = try place.put("a", "aaaa")
        try FileManager.default.createDirectory(atPath: place.path + "/etc", withIntermediateDirectories: true)
        try "\(a.sha1.hex)  \(place.root)/a\n".write(toFile: place.tableFile, atomically: true, encoding: .utf8)
        try await place.withLibrary { library in
            #expect(place.lines == ["\(a.sha1.hex) 4 \(place.root)/a"])
            #expect(await library.has(a) != nil)
        }
    }

    @Test func `another identity rebuilds the library, the same does not`() async throws {
        let place = try Place()
        try place.put("a", "aaaa")
        for (identity, hashed) in [("receiver/A", 4), ("receiver/A", 0), ("receiver/B", 4), ("receiver/B", 0)] {
            try await place.withLibrary {
                $0.identity = identity
            } _: { library in
                #expect(await library.progress.bytesHashed == Int64(hashed))
                #expect(place.lines.count == 1)
            }
        }
    }

    @Test func `add and rebuild work without a start, beside a running library`() async throws {
        let place = try Place()
        try await place.withLibrary {
            $0.watches = false
        } _: { library in
            let a = try place.put("x/a", "aaaa")
            try place.put("x/b", "bbbb")
            try place.put("x/c.task.json", "{}")
            let other = try place.library()
            let report = try await other.add(try place.at("x"))
            #expect(report.hashed == 2 && report.failed.isEmpty)
            #expect(try await eventually { await library.has(a) != nil })
            #expect(try await other.add(try place.at("x")).unchanged == 2)
            #expect(try await other.rebuild().hashed == 2)
            #expect(try await eventually { await library.has(a) != nil })
            await #expect(throws: LibraryError.self) { try await other.add(try place.at("nothing")) }
            await #expect(throws: LibraryError.self) { try await other.add(try place.at(".swoop/x")) }
        }
    }

    @Test func `check tells what is wrong and changes nothing`() async throws {
        let place = try Place()
        for name in ["good", "gone", "changed"] { try place.put(name, name) }
        try await place.withLibrary { _ in }
        try place.remove("gone")
        try place.put("changed", "CHANGED")
        try place.put("new", "new")
        let before = place.lines
        let report = try await place.library().check()
        #expect(report.right == 1)
        #expect(report.missing == [try place.at("gone")])
        #expect(report.changed == [try place.at("changed")])
        #expect(report.unlisted == [try place.at("new")])
        #expect(!report.isClean && place.lines == before)
    }

    @Test func `what a delivery verified is not read again`() async throws {
        let place = try Place()
        try await place.withLibrary {
            $0.watches = false
        } _: { library in
            let a = try place.put("a", randomBytes(100_000))
            await library.record(try place.at("a"), sha1: a.sha1, size: a.size)
            #expect(await library.has(a) != nil)
            await library.record(try place.at("missing"), sha1: a.sha1, size: a.size)
            await library.waitUntilCurrent()
            #expect(place.lines.count == 1)
            #expect(await library.progress.bytesHashed == 0)
        }
    }

    @Test func `a table that cannot be written does not keep the library from working`() async throws {
        let place = try Place()
        let a = try place.put("a", "aaaa")
        let faulty = FaultyFileLayer()
        let library = try place.library(layer: faulty)
        try await library.start()
        faulty.fail([.write], with: ENOSPC)
        #expect(try await eventually { await library.has(a) != nil })
        #expect(try await eventually { await library.progress.problems == 1 })
        faulty.heal()
        await library.stop()
        #expect(place.lines.count == 1)
    }

    @Test func `ten thousand files`() async throws {
        let place = try Place()
        for index in 0..<10_000 { try place.put("d\(index % 100)/f\(index)", "\(index)") }
        try await place.withLibrary { library in
            #expect(place.lines.count == 10_000)
            let keys = (0..<10_000).map { index in
                let content = Array("\(index)".utf8)
                return ContentKey(sha1: SHA1.digest(content), size: Int64(content.count))
            }
            #expect(await library.lookup(keys).count == 10_000)
        }
        try await place.withLibrary { #expect(await $0.progress.bytesHashed == 0) }
    }
}
