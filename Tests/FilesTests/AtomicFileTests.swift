import Files
import Glibc
import TestFileLayers
import Testing

@Suite struct `A replaced file` {
    private static let all: Set<FaultyFileLayer.Operation> = [.create, .write, .synchronize, .rename]

    @Test func `is the old or the new one, whichever call fails, and no temporary file stays`() throws {
        for call in 0..<6 {
            let place = try Place()
            try place.files.write("file", "old")
            let faulty = FaultyFileLayer()
            let directory = try HeldDirectory.open(SystemPath(place.files.path), layer: faulty)
            faulty.fail(Self.all, with: EIO, afterCalls: call)
            let number = errorNumber { () throws(SystemError) in
                try directory.replace(FileName(own: "file"), with: Array("new".utf8), temporary: .random(prefix: "."))
            }
            // Create, write, sync, rename, sync of the directory: the fifth fails after the rename.
            #expect(number == (call < 5 ? EIO : 0))
            #expect(place.files.read("file") == Array((call < 4 ? "old" : "new").utf8))
            #expect(place.names == ["file"])
        }
    }

    @Test func `leaves nothing on a disk that fills up`() throws {
        let place = try Place()
        let faulty = FaultyFileLayer()
        let directory = try HeldDirectory.open(SystemPath(place.files.path), layer: faulty)
        faulty.fail([.write], with: ENOSPC, afterBytes: 3)
        #expect(
            errorNumber { () throws(SystemError) in
                try directory.replace(
                    FileName(own: "file"), with: [1, 2, 3, 4, 5], temporary: .fixed(FileName(own: "file.new")))
            } == ENOSPC)
        #expect(place.names.isEmpty)
    }

    @Test func `is durable with its name when the call returns`() throws {
        let memory = MemoryFileLayer()
        try memory.put(Array("old".utf8), at: "/d/file")
        let directory = try HeldDirectory.open(SystemPath("/d"), layer: memory)
        try directory.replace(FileName(own: "file"), with: Array("new".utf8), temporary: .random(prefix: "."))
        memory.crash(.everything)
        #expect(memory.contents(of: "/d/file") == Array("new".utf8))
    }

    @Test func `needs no sync of a directory that cannot be synced, and reports one that fails`() throws {
        for (number, isReported) in [
            (EINVAL, false), (EOPNOTSUPP, false), (ENOSYS, false), (EIO, true), (ENOSPC, true),
        ] {
            let place = try Place()
            let faulty = FaultyFileLayer()
            let directory = try HeldDirectory.open(SystemPath(place.files.path), layer: faulty)
            faulty.fail([.synchronize], with: number, afterCalls: 1)
            let found = errorNumber { () throws(SystemError) in
                try directory.replace(FileName(own: "file"), with: [1], temporary: .random(prefix: "."))
            }
            #expect(found == (isReported ? number : 0))
            #expect(faulty.count(of: .synchronize) == 2)
        }
    }

    @Test func `takes another name where its temporary one is taken`() throws {
        let place = try Place()
        try place.files.write("0.part", "another's")
        try place.directory.replace(try name("file"), with: [1], temporary: .free { FileName("\($0).part") })
        #expect(place.names == ["0.part", "file"])
        #expect(place.files.read("0.part") == Array("another's".utf8))
        #expect(
            errorNumber { () throws(SystemError) in
                try place.directory.replace(
                    FileName(own: "file"), with: [2], temporary: .free { _ in FileName("0.part") })
            } == EEXIST)
    }

    @Test func `that is not committed leaves nothing, even when its directory is let go of`() throws {
        let place = try Place()
        func begin() throws {
            let file = try HeldDirectory.open(SystemPath(place.files.path))
                .replacement(try name("file"), temporary: .fixed(try name("file.new")))
            try file.write([1])
            #expect(place.names == ["file.new"])
        }
        try begin()
        #expect(place.names.isEmpty)
    }

    @Test func `has the permissions that were asked for`() throws {
        let place = try Place()
        let hidden: OpenOptions = [.writeOnly, .hiddenFromOthers]
        try place.directory.replace(try name("secret"), with: [], temporary: .random(prefix: "."), hidden)
        let status = try #require(try place.directory.status(try name("secret")))
        #expect(status.permissions & 0o007 == 0)
    }
}
