import Glibc
import Metainfo
import Storage
import Synchronization
import TestFileLayers
import Testing
import Text

@Suite("A download into a directory") struct DownloadTests {
    /// Prepares, fetches what is missing, publishes. Answers how many pieces had to be fetched.
    @discardableResult
    static func get(
        _ sample: Sample, _ download: DownloadDirectory, selection: FileSelection? = nil
    ) throws -> Int {
        defer { download.close() }
        switch try download.prepare(hashes: sample.hashes, selection: selection) {
        case .complete: return 0
        case .incomplete(let files, var have):
            let missing = files.selection.pieces(of: sample.layout).subtracting(have)
            for index in missing.indices {
                try files.write(sample, index)
                have.insert(index)
            }
            try download.publish(have)
            return missing.count
        }
    }

    @Test(arguments: Disk.Kind.allCases, [Info.Version.v1, .v2])
    func `content lands under its name and nothing else stays`(kind: Disk.Kind, version: Info.Version) throws {
        for sample in [try Sample.directory(version: version), try Sample.single(version: version)] {
            let disk = try Disk(kind)
            #expect(try Self.get(sample, disk.download(sample)) == sample.pieces.count)
            #expect(disk.names == ["content"])
            #expect(disk.holds(sample))
            #expect(try Self.get(sample, disk.download(sample)) == 0, "run again it is complete")
            #expect(disk.names == ["content"])
        }
    }

    @Test
    func `while it runs only the working directory is there; published content is read where it is then`() throws {
        let disk = try Disk(.real)
        let sample = try Sample.directory(version: .v1)
        let download = try disk.download(sample)
        guard case .incomplete(let files, let have) = try download.prepare(hashes: sample.hashes) else { return }
        #expect(have.isEmpty)
        try files.writeAll(sample)
        #expect(disk.names == [".content.swoop"])
        #expect(disk.names(disk.path + "/.content.swoop") == ["content", "lock"])
        #expect(try download.publish(sample.everything) == disk.path + "/content")
        #expect(try files.bytes(sample, 3) == sample.pieces[3])
        #expect(files.access == .reading)
        #expect(throws: StorageError.self) { try files.write(sample, 0) }
        #expect(files.root.path == disk.path + "/content")
    }

    @Test
    func `a directory that does not exist is made`() throws {
        let disk = try Disk(.real)
        let sample = try Sample.single()
        let download = try DownloadDirectory.open(directory: disk.path + "/a/b/c", info: sample.info)
        try Self.get(sample, download)
        #expect(disk.holds(sample, as: "a/b/c/content"))
    }

    @Test(arguments: Disk.Kind.allCases)
    func `an interrupted download goes on where it was`(kind: Disk.Kind) throws {
        let disk = try Disk(kind)
        let sample = try Sample.directory(version: .v1)
        let first = try disk.download(sample)
        guard case .incomplete(let files, var have) = try first.prepare(hashes: sample.hashes) else { return }
        for index in 0..<4 { try files.write(sample, index) }
        have.insert(0..<3)
        try first.checkpoint(have)
        first.close()
        let second = try disk.download(sample)
        guard case .incomplete(_, let kept) = try second.prepare(hashes: sample.hashes) else { return }
        #expect(Array(kept.indices) == [0, 1, 2, 3], "piece 3 is not in the record, but hashed again")
        second.close()
        #expect(try Self.get(sample, disk.download(sample)) == sample.pieces.count - 4)
        #expect(disk.holds(sample))
    }

    @Test
    func `a damaged record costs a check, not the content`() throws {
        let disk = try Disk(.memory)
        let sample = try Sample.directory(version: .v1)
        let first = try disk.download(sample)
        guard case .incomplete(let files, var have) = try first.prepare(hashes: sample.hashes) else { return }
        for index in 0..<4 { try files.write(sample, index) }
        have.insert(0..<4)
        try first.checkpoint(have)
        first.close()
        try disk.put([1, 2, 3], ".content.swoop/record")
        #expect(try Self.get(sample, disk.download(sample)) == sample.pieces.count - 4)
        #expect(disk.holds(sample))
    }

    @Test(arguments: Disk.Kind.allCases)
    func `a second process is told who works on it`(kind: Disk.Kind) throws {
        let disk = try Disk(kind)
        let sample = try Sample.single()
        let first = try disk.download(sample)
        _ = try first.prepare(hashes: sample.hashes)
        let error = #expect(throws: StorageError.self) {
            _ = try disk.download(sample).prepare(hashes: sample.hashes)
        }
        #expect(error?.kind == .locked(process: getpid()))
        first.close()
        #expect(disk.names.isEmpty, "a download that never wrote leaves nothing")
        #expect(try Self.get(sample, disk.download(sample)) == sample.pieces.count)
    }

    @Test
    func `unfinished content of another torrent with the same name is not touched, unless that is allowed`() throws {
        let disk = try Disk(.memory)
        let old = try Sample.directory(version: .v1, seed: 1)
        let new = try Sample.directory(version: .v1, seed: 2)
        let first = try disk.download(old)
        guard case .incomplete(let files, var have) = try first.prepare(hashes: old.hashes) else { return }
        try files.write(old, 0)
        have.insert(0)
        try first.checkpoint(have)
        first.close()
        let error = #expect(throws: StorageError.self) { try Self.get(new, disk.download(new)) }
        #expect(error?.kind == .conflict)
        #expect(error?.message.contains(old.info.hashes.primary.hex) == true)
        #expect(try Self.get(old, disk.download(old)) == old.pieces.count - 1)
        try disk.put(old, as: "elsewhere")
        let third = try disk.download(new, overwrite: true)
        #expect(try Self.get(new, third) == new.pieces.count)
        #expect(disk.holds(new))
    }

    @Test(arguments: [Info.Version.v1, .v2, .hybrid])
    func `only the selected files are published; the rest is added later`(version: Info.Version) throws {
        let disk = try Disk(.memory)
        let sample = try Sample.directory(version: version)
        let part = sample.selection("a/second.bin", "a/empty")
        try Self.get(sample, disk.download(sample), selection: part)
        #expect(disk.names(disk.path + "/content/a") == ["empty", "second.bin"])
        #expect(disk.get("content/a/second.bin") == sample.files["a/second.bin"])
        try Self.get(sample, disk.download(sample))
        #expect(disk.holds(sample))
        #expect(disk.names == ["content"])
    }

    @Test
    func `with a record that vouches, a selection that is complete is known as such`() throws {
        let disk = try Disk(.memory)
        let sample = try Sample.directory(version: .v1)
        let store = VouchingStore(directory: "/state/swoop", layer: disk.layer)
        let part = sample.selection("a/second.bin")
        #expect(try Self.get(sample, disk.download(sample, vouching: store), selection: part) == 2)
        #expect(try Self.get(sample, disk.download(sample, vouching: store), selection: part) == 0)
    }

    @Test
    func `a smaller selection after a larger one leaves no half files behind`() throws {
        let disk = try Disk(.memory)
        let sample = try Sample.directory(version: .v1)
        let first = try disk.download(sample)
        guard case .incomplete(let files, var have) = try first.prepare(hashes: sample.hashes) else { return }
        try files.write(sample, 0)
        have.insert(0)
        try first.checkpoint(have)
        first.close()
        try Self.get(sample, disk.download(sample), selection: sample.selection("last"))
        #expect(disk.names(disk.path + "/content") == ["a", "last"] || disk.names(disk.path + "/content") == ["last"])
        #expect(disk.get("content/a/deep/down/first.bin") == nil)
    }

    @Test
    func `a larger selection fetches the pieces again that were only written in part`() throws {
        let disk = try Disk(.memory)
        let sample = try Sample.directory(version: .v1)
        let first = try disk.download(sample)
        let part = sample.selection("a/second.bin")
        guard case .incomplete(let files, var have) = try first.prepare(hashes: sample.hashes, selection: part) else {
            return
        }
        for index in [3, 4] {
            try files.write(sample, index)
            have.insert(index)
        }
        try first.checkpoint(have)
        first.close()
        #expect(try Self.get(sample, disk.download(sample)) == sample.pieces.count)
        #expect(disk.holds(sample))
    }

    @Test
    func `a piece written for one file only is not trusted for the other, though that is there with its full length`()
        throws
    {
        let disk = try Disk(.memory)
        let sample = try Sample.directory(version: .v1)
        let stages: [(FileSelection, [Int])] = [
            (FileSelection(all: sample.layout), [0]), (sample.selection("a/second.bin"), [3, 4]),
        ]
        for (selection, pieces) in stages {
            let download = try disk.download(sample)
            guard
                case .incomplete(let files, var have) = try download.prepare(
                    hashes: sample.hashes, selection: selection)
            else { return }
            for index in pieces {
                try files.write(sample, index)
                have.insert(index)
            }
            try download.checkpoint(have)
            download.close()
        }
        try Self.get(sample, disk.download(sample))
        #expect(disk.holds(sample))
    }

    @Test
    func `what is recorded is not read again after a crash`() throws {
        let disk = try Disk(.memory)
        let sample = try Sample.directory(version: .v1)
        let download = try disk.download(sample)
        guard case .incomplete(let files, var have) = try download.prepare(hashes: sample.hashes) else { return }
        for index in 0..<6 {
            try files.write(sample, index)
            have.insert(index)
        }
        try download.checkpoint(have)
        disk.memory?.crash(.everything)
        let faulty = FaultyFileLayer(disk.layer)
        let again = try disk.download(sample, layer: faulty)
        guard case .incomplete(_, let kept) = try again.prepare(hashes: sample.hashes) else { return }
        #expect(kept == have)
        // The record and the lock's process id are all that is read.
        #expect(faulty.count(of: .read) <= 2)
    }

    @Test
    func `a name too long for a suffix is cut, each name in its own way`() throws {
        let disk = try Disk(.real)
        let names = [String(repeating: "n", count: 255), String(repeating: "n", count: 254) + "m"]
        for name in names + [String(repeating: "ü", count: 127)] {
            let sample = try Sample.single(name: name, seed: UInt64(name.utf8.last ?? 0))
            let download = try disk.download(sample)
            _ = try download.prepare(hashes: sample.hashes)
            let work = disk.names.filter { $0.hasSuffix(".swoop") }
            #expect(work.count == 1)
            #expect(work.allSatisfy { $0.utf8.count <= 255 && String(validating: $0.utf8, as: UTF8.self) != nil })
            download.close()
            try Self.get(sample, disk.download(sample))
            #expect(disk.holds(sample, as: name))
        }
        #expect(disk.names.count == 3)
    }

    @Test
    func `the metainfo of an unfinished download is found again by its hash`() throws {
        let disk = try Disk(.real)
        let sample = try Sample.directory(version: .hybrid)
        let download = try disk.download(sample)
        _ = try download.prepare(hashes: sample.hashes)
        try download.save(metainfo: sample.torrent.encode())
        download.close()
        let hashes = InfoHashes(v1: try #require(sample.info.hashes.v1))
        #expect(DownloadDirectory.savedMetainfo(directory: disk.path, hashes: hashes) == sample.torrent.encode())
        let other = try Sample.directory(seed: 9).info.hashes
        #expect(DownloadDirectory.savedMetainfo(directory: disk.path, hashes: other) == nil)
    }

    @Test
    func `complete content on a read-only disk is complete`() throws {
        let disk = try Disk(.memory)
        let sample = try Sample.directory()
        try disk.put(sample)
        let faulty = FaultyFileLayer(disk.layer)
        faulty.fail([.create, .write, .rename, .remove, .truncate, .synchronize], with: EROFS)
        #expect(try Self.get(sample, disk.download(sample, layer: faulty)) == 0)
        let other = try Sample.directory(name: "other")
        faulty.fail([.makeDirectory], with: EROFS)
        let error = #expect(throws: StorageError.self) {
            let download = try DownloadDirectory.open(directory: disk.path, info: other.info, layer: disk.layer)
            _ = download
            try Self.get(other, disk.download(other, layer: faulty))
        }
        #expect(error?.kind == .readOnly)
    }

    @Test
    func `pieces that are missing keep content from being published`() throws {
        let disk = try Disk(.memory)
        let sample = try Sample.single()
        let download = try disk.download(sample)
        guard case .incomplete(let files, var have) = try download.prepare(hashes: sample.hashes) else { return }
        try files.write(sample, 0)
        have.insert(0)
        #expect(throws: StorageError.self) { try download.publish(have) }
        #expect(disk.names == [".content.swoop"])
    }

    @Test
    func `checking can be cancelled, and changes nothing`() throws {
        let disk = try Disk(.memory)
        let sample = try Sample.single()
        try disk.put(sample)
        let error = #expect(throws: StorageError.self) {
            _ = try disk.download(sample).prepare(hashes: sample.hashes, isCancelled: { true })
        }
        #expect(error?.kind == .cancelled)
        #expect(disk.names == ["content"])
    }
}
