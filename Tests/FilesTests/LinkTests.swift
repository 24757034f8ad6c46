import Files
import Glibc
import TestFileLayers
import Testing

@Suite struct `A link as the last component` {
    private func place() throws -> Place {
        let place = try Place()
        try place.files.write("file", "content")
        try place.files.makeLink("link", to: place.files.path("file"))
        _ = try place.files.directory("tree")
        try place.files.makeLink("treelink", to: place.files.path("tree"))
        return place
    }

    @Test func `is refused by every call that does not ask to follow it`() throws {
        let place = try place()
        let system = SystemFileLayer()
        let link = try name("link")
        #expect(errorNumber { () throws(SystemError) in _ = try place.directory.open(link) } == ELOOP)
        #expect(
            errorNumber { () throws(SystemError) in _ = try place.directory.open(link, [.write, .create]) } == ELOOP)
        #expect(errorNumber { () throws(SystemError) in _ = try place.directory.read(link, limit: 100) } == ELOOP)
        #expect(errorNumber { () throws(SystemError) in _ = try HeldFile(place.path("link")) } == ELOOP)
        #expect(
            errorNumber { () throws(SystemError) in _ = try system.readSmallFile(place.path("link"), limit: 100) }
                == ELOOP)
        let tree = try name("treelink")
        #expect(
            [ELOOP, ENOTDIR].contains(errorNumber { () throws(SystemError) in _ = try place.directory.directory(tree) })
        )
        #expect(
            errorNumber { () throws(SystemError) in
                _ = try system.names(in: place.path("treelink"), followSymlink: false)
            } == ENOTDIR)
        #expect(
            [ELOOP, ENOTDIR].contains(
                errorNumber { () throws(SystemError) in _ = try HeldDirectory.open(withoutLinks: place.path("treelink"))
                }))
    }

    @Test func `is followed when the call asks for it`() throws {
        let place = try place()
        #expect(
            try place.directory.read(try name("link"), limit: 100, followSymlink: true).bytes == Array("content".utf8))
        #expect(try HeldFile(place.path("link"), .followSymlink).status().kind == .file)
        #expect(try SystemFileLayer().names(in: place.path("treelink"), followSymlink: true).isEmpty)
        #expect(try SystemFileLayer().status(path: place.path("link"), followSymlink: true).kind == .file)
    }

    @Test func `is seen for what it is`() throws {
        let place = try place()
        #expect(try place.directory.status(try name("link"))?.kind == .symlink)
        #expect(try SystemFileLayer().status(path: place.path("link")).kind == .symlink)
    }

    @Test func `is replaced, never written through`() throws {
        let place = try place()
        try place.directory.replace(try name("link"), with: [1], temporary: .random(prefix: "."))
        #expect(place.files.read("link") == [1])
        #expect(place.files.read("file") == Array("content".utf8))
    }

    @Test(arguments: ["symbolic", "hard"])
    func `in the place of a temporary file is removed, never written through`(kind: String) throws {
        let place = try place()
        let (file, temporary) = (place.files.path("file"), place.files.path("new"))
        #expect((kind == "hard" ? link(file, temporary) : symlink(file, temporary)) == 0)
        try place.directory.replace(try name("target"), with: [1], temporary: .fixed(try name("new")))
        #expect(place.files.read("target") == [1])
        #expect(place.files.read("file") == Array("content".utf8))
        #expect(!place.files.exists("new"))
    }

    @Test func `is not removed as a file`() throws {
        let place = try place()
        #expect(try !place.directory.removeFile(try name("link")))
        #expect(try !place.directory.removeFile(try name("tree")))
        #expect(try !place.directory.removeFile(try name("none")))
        let other = try #require(try place.directory.status(try name("tree")))
        #expect(try !place.directory.removeFile(try name("file"), if: EntryIdentity(other)))
        let own = try #require(try place.directory.status(try name("file")))
        #expect(try place.directory.removeFile(try name("file"), if: EntryIdentity(own)))
        #expect(place.names == ["link", "tree", "treelink"])
    }
}

@Suite struct `The removal of a tree` {
    @Test func `removes links and follows none`() throws {
        let place = try Place()
        try place.files.write("kept/file", "content")
        try place.files.write("tree/a/b/file", "x")
        try place.files.makeLink("tree/a/link", to: place.files.path("kept"))
        try place.directory.removeTree(try name("tree"))
        #expect(place.names == ["kept"])
        #expect(place.files.names("kept") == ["file"])
        // Nothing happens when there is nothing.
        try place.directory.removeTree(try name("tree"))
    }

    @Test func `goes on behind what cannot be removed`() throws {
        let place = try Place()
        try place.files.write("tree/1/file", "x")
        try place.files.write("tree/2/file", "x")
        let faulty = FaultyFileLayer()
        faulty.fail([.remove], with: EBUSY, times: 1)
        #expect(
            errorNumber { () throws(SystemError) in
                try TreeRemoval(layer: faulty).remove(FileName(own: "tree"), in: place.directory.descriptor)
            } == EBUSY)
        let left = place.files.names("tree")
        #expect(left.count == 1 && place.files.names("tree/\(left.first ?? "")") == ["file"])
    }
}
