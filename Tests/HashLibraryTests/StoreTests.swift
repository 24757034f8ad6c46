import Files
import Glibc
import HashLibrary
import Hashing
import TestFileLayers
import Testing

struct StoreTests {
    private let stamp = DeviceStamp(size: 1, modified: 10, inode: 2, device: 3)

    private func path(_ text: String) throws -> AbsolutePath { try #require(AbsolutePath(text)) }
    private func digest(_ number: Int) -> SHA1Digest { SHA1.digest(Array("\(number)".utf8)) }

    private func load(_ layer: any FileLayer) throws -> Catalogue {
        var catalogue = Catalogue()
        var store = try TableStore(path: try path("/etc/bft2/hashtable.txt"), layer: layer)
        _ = try store.synchronize(&catalogue)
        return catalogue
    }

    @Test func `killed at any call while saving, the table is the old or the new one`() throws {
        for call in 0..<16 {
            let memory = MemoryFileLayer()
            var store = try TableStore(path: try path("/etc/bft2/hashtable.txt"), layer: memory)
            var catalogue = Catalogue()
            catalogue.record(digest(1), at: try path("/a"), looking: stamp)
            _ = try store.synchronize(&catalogue)

            let faulty = FaultyFileLayer(memory)
            var second = try TableStore(path: try path("/etc/bft2/hashtable.txt"), layer: faulty)
            var next = Catalogue()
            _ = try second.synchronize(&next)
            next.record(digest(2), at: try path("/b"), looking: stamp)
            faulty.fail([.create, .write, .synchronize, .rename], with: EIO, afterCalls: call)
            do throws(LibraryError) { _ = try second.synchronize(&next) } catch {
                #expect(error.kind == .table(SystemError(EIO)))
                #expect(next.isDirty)
            }
            memory.kill()
            memory.crash(.everything)
            let found = try load(memory)
            #expect(found.entries[try path("/a")]?.trust == .verified(stamp))
            // Nothing that was in the table is taken for removed.
            #expect(found.removed.isEmpty)
            if let b = found.entries[try path("/b")] { #expect(b.sha1 == digest(2)) }
        }
    }

    @Test func `a disk that fills up in the middle of a write leaves the old table, and saving works later`() throws {
        let memory = MemoryFileLayer()
        let faulty = FaultyFileLayer(memory)
        var store = try TableStore(path: try path("/etc/bft2/hashtable.txt"), layer: faulty)
        var catalogue = Catalogue()
        catalogue.record(digest(1), at: try path("/a"), looking: stamp)
        _ = try store.synchronize(&catalogue)
        catalogue.record(digest(2), at: try path("/b"), looking: stamp)
        faulty.fail([.write], with: ENOSPC, afterBytes: 20)
        #expect(throws: LibraryError.self) { _ = try store.synchronize(&catalogue) }
        #expect(try load(memory).entries.count == 1)
        faulty.heal()
        _ = try store.synchronize(&catalogue)
        #expect(try load(memory).entries.count == 2)
    }

    @Test func `two processes on one table take in each other's lines`() throws {
        let memory = MemoryFileLayer()
        let table = try path("/etc/bft2/hashtable.txt")
        var first = try TableStore(path: table, layer: memory)
        var second = try TableStore(path: table, layer: memory)
        var one = Catalogue()
        var two = Catalogue()
        _ = try first.synchronize(&one)
        _ = try second.synchronize(&two)
        one.record(digest(1), at: try path("/a"), looking: stamp)
        _ = try first.synchronize(&one)
        two.record(digest(2), at: try path("/b"), looking: stamp)
        _ = try second.synchronize(&two)
        #expect(first.state() == .changed)
        _ = try first.synchronize(&one)
        #expect(one.entries.count == 2)
        #expect(one.entries[try path("/b")]?.trust == .verified(stamp))
        #expect(two.entries[try path("/a")]?.trust == .verified(stamp))
    }

    @Test func `a deleted table begins anew at the start, and means all lines removed while running`() throws {
        let memory = MemoryFileLayer()
        let table = try path("/etc/bft2/hashtable.txt")
        var store = try TableStore(path: table, layer: memory)
        var catalogue = Catalogue()
        catalogue.record(digest(1), at: try path("/a"), looking: stamp)
        _ = try store.synchronize(&catalogue)
        let directory = try memory.openDirectory(path: "/etc/bft2")
        try memory.remove(try #require(FileName("hashtable.txt")), in: directory, isDirectory: false)

        var other = Catalogue()
        var fresh = try TableStore(path: table, layer: memory)
        let outcome = try fresh.synchronize(&other)
        #expect(outcome.isNew)
        #expect(other.need(at: try path("/a"), looking: stamp) == .hashing)

        #expect(store.state() != .same)
        _ = try store.synchronize(&catalogue)
        #expect(catalogue.entries.isEmpty)
        #expect(catalogue.need(at: try path("/a"), looking: stamp) == .nothing)
    }
}
