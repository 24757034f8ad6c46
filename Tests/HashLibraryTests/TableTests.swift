import Files
import HashLibrary
import Hashing
import TestSupport
import Testing

struct PathTests {
    @Test func `a path is absolute and has no way up`() {
        #expect(AbsolutePath("/data/dcp")?.text == "/data/dcp")
        #expect(AbsolutePath("/data//dcp/./x/")?.text == "/data/dcp/x")
        #expect(AbsolutePath("/")?.text == "/")
        for bad in ["", "data", "/data/../etc", "/a\0b", "/" + String(repeating: "x", count: 256)] {
            #expect(AbsolutePath(bad) == nil)
        }
    }

    @Test func `below means below, not beginning alike`() throws {
        let base = try #require(AbsolutePath("/data/dcp"))
        #expect(try #require(AbsolutePath("/data/dcp/a")).isWithin(base))
        #expect(base.isWithin(base))
        #expect(try !#require(AbsolutePath("/data/dcp2")).isWithin(base))
        #expect(base.isWithin(try #require(AbsolutePath("/"))))
        #expect(base.appending("..") == nil && base.appending("a/b") == nil)
    }

    @Test func `any bytes of a path survive the table, one line each`() throws {
        for byte in UInt8.min ... .max where byte != 0 && byte != UInt8(ascii: "/") {
            let name = Array("/a".utf8) + [byte] + Array("x41\\n b ".utf8)
            let escaped = PathText.escape(name)
            #expect(!escaped.contains(0x0a) && !escaped.contains(0x0d))
            #expect(PathText.unescape(escaped) == name)
        }
        #expect(PathText.unescape(Array("/a\\q\\".utf8)) == Array("/a\\q\\".utf8))
    }
}

struct TableTextTests {
    private let sha1 = SHA1.digest(Array("x".utf8))

    @Test func `what is written is read again`() throws {
        var table = TableText()
        for index in 0..<500 {
            let any = randomBytes(1 + index % 40, seed: UInt64(index)).filter { $0 != 0 && $0 != 47 }
            let name = Array("/d/".utf8) + any + [65]
            let path = try #require(AbsolutePath(name))
            table.rows[path] = TableText.Row(sha1: sha1, size: Int64(index))
        }
        table.comments = [Array("# kept".utf8)]
        #expect(TableText(table.encoded()) == table)
    }

    @Test func `hand-written lines are read leniently`() throws {
        let hex = sha1.hex
        let text =
            "\u{feff}# note\r\n\n  \(hex.uppercased())\t12   /a b \r\n\(hex)  /c\n\(hex) *\u{2f}d\n\(hex) 7 /e\\x41"
        let table = TableText(Array(text.utf8))
        func row(_ path: String) -> TableText.Row? { AbsolutePath(path).flatMap { table.rows[$0] } }
        #expect(row("/a b ") == TableText.Row(sha1: sha1, size: 12))
        #expect(row("/c") == TableText.Row(sha1: sha1, size: nil))
        #expect(row("/d") == TableText.Row(sha1: sha1, size: nil))
        #expect(row("/eA")?.size == 7)
        #expect(table.unreadable.isEmpty && table.comments.count == 1)
    }

    @Test func `lines that cannot be read are told and kept as comments`() {
        let hex = sha1.hex
        let bad = [
            "nonsense", "\(hex) 12", "\(hex) -1 /a", "\(hex) 99999999999999999999 /a",
            "\(hex) 1 relative", "\(hex) 1 /a/../b",
        ]
        let table = TableText(Array(bad.joined(separator: "\n").utf8))
        #expect(table.rows.isEmpty)
        #expect(table.unreadable == [1, 2, 3, 4, 5, 6])
        #expect(TableText(table.encoded()).comments == table.comments)
        #expect(table.comments.count == 6)
    }

    @Test func `of two lines for one path the last holds`() throws {
        let other = SHA1.digest(Array("y".utf8))
        let table = TableText(Array("\(sha1.hex) 1 /a\n\(other.hex) 2 /a\n".utf8))
        #expect(table.rows.values.map(\.sha1) == [other])
    }

    @Test func `stamps are read again, and damage costs only its line`() throws {
        var stamps = StampText()
        stamps.identity = "receiver/A"
        let stamp = DeviceStamp(size: 3, modified: -5, inode: .max, device: 9)
        for (index, kind) in [StampText.Kind.verified, .removed, .disputed].enumerated() {
            let path = try #require(AbsolutePath("/a \(index)\n"))
            stamps.rows[path] = StampText.Row(kind: kind, sha1: sha1, stamp: stamp)
        }
        #expect(StampText(stamps.encoded()) == stamps)
        let damaged = stamps.encoded() + Array("= broken\n? x\n".utf8)
        #expect(StampText(damaged) == stamps)
        #expect(StampText(Array("other 1\n".utf8)) == nil)
        for _ in 0..<200 {
            var bytes = stamps.encoded()
            bytes[Int.random(in: bytes.indices)] = .random(in: .min ... .max)
            _ = StampText(bytes)
            _ = TableText(bytes)
        }
    }
}

struct CatalogueTests {
    private let one = SHA1.digest(Array("1".utf8))
    private let two = SHA1.digest(Array("2".utf8))
    private let stamp = DeviceStamp(size: 1, modified: 10, inode: 2, device: 3)

    private func path(_ text: String) throws -> AbsolutePath { try #require(AbsolutePath(text)) }

    private func written(_ body: (inout Catalogue) throws -> Void) rethrows -> Catalogue {
        var catalogue = Catalogue()
        try body(&catalogue)
        catalogue.written()
        return catalogue
    }

    @Test func `a line that is removed stays away until the file changes`() throws {
        let a = try path("/a")
        var catalogue = try written { $0.record(one, at: try path("/a"), looking: stamp) }
        let counts = catalogue.adopt(TableText(), StampText())
        #expect(counts.removed == 1)
        #expect(catalogue.candidates(for: ContentKey(sha1: one, size: 1)).isEmpty)
        #expect(catalogue.need(at: a, looking: stamp) == .nothing)
        var later = stamp
        later.modified += 1
        #expect(catalogue.need(at: a, looking: later) == .hashing)
        // The same from disk, after a restart.
        let stamps = try #require(StampText(catalogue.texts.stamps))
        var again = Catalogue()
        _ = again.adopt(TableText(catalogue.texts.table), stamps)
        #expect(again.need(at: a, looking: stamp) == .nothing)
        #expect(again.need(at: a, looking: later) == .hashing)
    }

    @Test func `a line removed while nobody ran is noticed by its stamp`() throws {
        let catalogue = try written { $0.record(one, at: try path("/a"), looking: stamp) }
        var again = Catalogue()
        _ = again.adopt(TableText(), try #require(StampText(catalogue.texts.stamps)))
        #expect(again.entries.isEmpty)
        #expect(again.need(at: try path("/a"), looking: stamp) == .nothing)
    }

    @Test func `an edited line is somebody's word until it was checked`() throws {
        let a = try path("/a")
        for (claim, isTrue) in [(two, false), (one, true)] {
            var catalogue = written { $0.record(isTrue ? two : one, at: a, looking: stamp) }
            var table = TableText(catalogue.texts.table)
            table.rows[a]?.sha1 = claim
            #expect(catalogue.adopt(table, StampText()).claimed == 1)
            #expect(catalogue.need(at: a, looking: stamp) == .verification)
            catalogue.record(one, at: a, looking: stamp, isVerification: true)
            #expect(catalogue.entries[a]?.sha1 == claim)
            #expect(catalogue.entries[a]?.trust == (isTrue ? .verified(stamp) : .disputed(stamp)))
            #expect(catalogue.candidates(for: ContentKey(sha1: claim, size: 1)).isEmpty == !isTrue)
            #expect(catalogue.need(at: a, looking: stamp) == .nothing)
        }
    }

    @Test func `results that wait to be written survive an edit of other lines`() throws {
        let (a, b) = (try path("/a"), try path("/b"))
        var catalogue = written { $0.record(one, at: a, looking: stamp) }
        let table = TableText(catalogue.texts.table)
        catalogue.record(two, at: b, looking: stamp)
        catalogue.record(two, at: a, looking: DeviceStamp(size: 2, modified: 11, inode: 2, device: 3))
        _ = catalogue.adopt(table, StampText())
        #expect(catalogue.entries[b]?.sha1 == two)
        #expect(catalogue.entries[a]?.sha1 == two)
        #expect(catalogue.isDirty)
    }

    @Test func `a moved file is known by its looks`() throws {
        let a = try path("/x/a")
        var catalogue = written { $0.record(one, at: a, looking: stamp) }
        #expect(catalogue.digestOfMoved(stamp) == one)
        #expect(catalogue.remove(within: try path("/x")) == 1)
        #expect(catalogue.digestOfMoved(stamp) == one)
        var other = stamp
        other.device += 1
        #expect(catalogue.digestOfMoved(other) == nil)
        catalogue.forgetDeparted()
        #expect(catalogue.digestOfMoved(stamp) == nil)
    }
}
