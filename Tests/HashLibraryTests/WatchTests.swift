import Foundation
import Glibc
import HashLibrary
import Hashing
import TestSupport
import Testing

struct WatchTests {
    @Test func `new files come in, removed ones go`() async throws {
        let place = try Place()
        try await place.withLibrary { library in
            let a = try place.put("a", "aaaa")
            #expect(try await eventually { await library.has(a) == "\(place.root)/a" })
            #expect(try await eventually { place.lines.count == 1 })
            try place.remove("a")
            #expect(try await eventually { place.lines.isEmpty })
        }
    }

    @Test func `files in new directories are found, however soon they are made`() async throws {
        let place = try Place()
        try await place.withLibrary { library in
            for index in 0..<200 { try place.put("n\(index)/deep/deeper/f", "content \(index)") }
            #expect(try await eventually { place.lines.count == 200 })
            // The directories are watched by now.
            let late = try place.put("n7/deep/deeper/late", "late")
            #expect(try await eventually { await library.has(late) != nil })
        }
    }

    @Test func `moves within, out and in are followed without reading again what is known`() async throws {
        let place = try Place()
        let outside = try Place()
        let a = try place.put("one/x/a", randomBytes(100_000))
        try await place.withLibrary { library in
            try place.move("one", to: "two")
            #expect(try await eventually { await library.has(a) == "\(place.root)/two/x/a" })
            #expect(try await eventually { place.lines.map { $0.hasSuffix("/two/x/a") } == [true] })
            #expect(await library.progress.bytesHashed == 100_000)
            // New files under the new name.
            let b = try place.put("two/x/b", "bbb")
            #expect(try await eventually { await library.has(b) == "\(place.root)/two/x/b" })
            try outside.makeDirectory("")
            #expect(rename("\(place.root)/two", "\(outside.root)/two") == 0)
            #expect(try await eventually { place.lines.isEmpty })
            // What happens outside is none of our business.
            try outside.put("two/x/c", "ccc")
            #expect(rename("\(outside.root)/two", "\(place.root)/three") == 0)
            #expect(try await eventually { place.lines.count == 3 })
            let d = try place.put("three/x/d", "ddd")
            #expect(try await eventually { await library.has(d) == "\(place.root)/three/x/d" })
        }
    }

    @Test func `a file renamed over another replaces it`() async throws {
        let place = try Place()
        let old = try place.put("a", "old")
        try await place.withLibrary { library in
            let new = try place.put("b.swoop", "newer")
            try place.move("b.swoop", to: "a")
            #expect(try await eventually { await library.has(new) == "\(place.root)/a" })
            #expect(await library.has(old) == nil)
            #expect(try await eventually { place.lines.count == 1 })
        }
    }

    @Test func `a file is hashed when its writer is done, not before`() async throws {
        let place = try Place()
        try await place.withLibrary { library in
            let writer = open("\(place.root)/slow", O_WRONLY | O_CREAT | O_CLOEXEC, 0o644)
            _ = write(writer, "half", 4)
            // A directory moved in makes a scan run over the half-written file.
            let mark = try place.put("mark/m", "mark")
            #expect(try await eventually { await library.has(mark) != nil })
            #expect(await library.progress.bytesHashed == 4)
            #expect(await library.progress.files == 1)
            _ = write(writer, "done", 4)
            close(writer)
            let whole = ContentKey(sha1: SHA1.digest(Array("halfdone".utf8)), size: 8)
            #expect(try await eventually { await library.has(whole) != nil })
            #expect(try await eventually { await library.progress.bytesHashed == 12 })
        }
    }

    @Test func `a hard link is known without being read`() async throws {
        let place = try Place()
        let a = try place.put("a", "aaaa")
        try await place.withLibrary { library in
            #expect(link("\(place.root)/a", "\(place.root)/b") == 0)
            #expect(try await eventually { place.lines.count == 2 })
            #expect(await library.progress.bytesHashed == 4)
            try place.remove("a")
            #expect(try await eventually { await library.has(a) == "\(place.root)/b" })
        }
    }

    @Test func `after an overflow of the kernel's queue everything is found all the same`() async throws {
        let place = try Place()
        let limit =
            Int(
                (try? String(contentsOfFile: "/proc/sys/fs/inotify/max_queued_events", encoding: .utf8))?
                    .trimmingCharacters(in: .whitespacesAndNewlines) ?? "") ?? 16_384
        try #require(limit <= 100_000, "the kernel's queue is too long for this test")
        let pause = PauseFlag()
        try place.put("gone", "gone")
        try await place.withLibrary(pause: pause) { library in
            pause.set(true)
            // The watcher looks at the flag after the next event.
            try place.put("first", "first")
            #expect(try await eventually { place.lines.count == 2 })
            try place.remove("gone")
            for index in 0..<limit / 2 + 200 { try place.put("many/f\(index % 500)", "\(index)") }
            let last = try place.put("new/deep/last", "last")
            pause.set(false)
            #expect(try await eventually(seconds: 60) { place.lines.count == 502 })
            #expect(try await eventually { await library.has(last) != nil })
            let watched = try place.put("new/deep/later", "later")
            #expect(try await eventually { await library.has(watched) != nil })
        }
    }

    @Test func `beyond the limit of watches scans find what changes`() async throws {
        let place = try Place()
        for index in 0..<10 { try place.makeDirectory("d\(index)") }
        try await place.withLibrary { options in
            options.mostWatches = 3
            options.rescanInterval = 0.2
        } _: { library in
            #expect(await library.progress.isLimited)
            for index in 0..<10 { try place.put("d\(index)/f", "\(index)") }
            #expect(try await eventually { place.lines.count == 10 })
        }
    }

    @Test func `a root that goes away keeps its lines, and is followed again when it is back`() async throws {
        let place = try Place()
        let a = try place.put("a", "aaaa")
        try await place.withLibrary { library in
            #expect(rename(place.root, place.path + "/away") == 0)
            #expect(try await eventually { await library.has(a) == nil })
            #expect(place.lines.count == 1)
            #expect(rename(place.path + "/away", place.root) == 0)
            #expect(try await eventually { await library.has(a) != nil })
            let b = try place.put("b", "bbbb")
            #expect(try await eventually { await library.has(b) != nil })
            #expect(await library.progress.bytesHashed == 8)
        }
    }

    @Test func `links out of the roots are not followed`() async throws {
        let place = try Place()
        let outside = try Place()
        try outside.put("secret", "secret")
        try place.put("a", "aaaa")
        symlink(outside.root, "\(place.root)/way")
        symlink("\(outside.root)/secret", "\(place.root)/file")
        try await place.withLibrary { library in
            #expect(place.lines.count == 1)
            symlink(outside.root, "\(place.root)/later")
            let b = try place.put("b", "bbbb")
            #expect(try await eventually { await library.has(b) != nil })
            #expect(await library.progress.files == 2)
        }
    }

    @Test func `a busy tree ends up as it is`() async throws {
        let place = try Place()
        var random = SystemRandomNumberGenerator()
        try await place.withLibrary { library in
            for step in 0..<400 {
                let from = "d\(Int.random(in: 0..<6, using: &random))"
                let to = "d\(Int.random(in: 0..<6, using: &random))"
                switch Int.random(in: 0..<4, using: &random) {
                case 0: try? place.move(from, to: to)
                case 1: try? place.remove(from)
                case 2: try? place.move("\(from)/f", to: "\(to)/g")
                default: try place.put("\(from)/f", "\(step)")
                }
            }
            #expect(
                try await eventually {
                    await library.waitUntilCurrent()
                    return (try? await library.check(reading: true))?.isClean == true
                })
        }
    }
}
