import Glibc
import Metainfo
import Storage
import Testing

@Suite("Content that is there already") struct ExistingContentTests {
    @Test(arguments: Disk.Kind.allCases)
    func `missing files are added, what is right is kept and not fetched again`(kind: Disk.Kind) throws {
        let disk = try Disk(kind)
        let sample = try Sample.directory(version: .v2)
        try disk.put(sample, except: ["b/third.bin", "a/empty"])
        try disk.put([7, 7], "content/b/mine.txt")
        let fetched = try DownloadTests.get(sample, disk.download(sample))
        #expect(fetched == sample.layout.pieces(ofFile: sample.file("b/third.bin")).count)
        #expect(disk.holds(sample))
        #expect(disk.get("content/b/mine.txt") == [7, 7], "a file that the torrent does not name is kept")
        #expect(disk.names == ["content"])
    }

    @Test(arguments: Disk.Kind.allCases)
    func `only an empty file is missing: nothing is fetched`(kind: Disk.Kind) throws {
        let disk = try Disk(kind)
        let sample = try Sample.directory(version: .v1)
        try disk.put(sample, except: ["a/empty"])
        #expect(try DownloadTests.get(sample, disk.download(sample)) == 0)
        #expect(disk.holds(sample))
    }

    @Test(arguments: Disk.Kind.allCases)
    func `a file that is the beginning of the right one is completed`(kind: Disk.Kind) throws {
        for sample in [try Sample.single(), try Sample.directory([("only", 100_000)], version: .v1)] {
            let disk = try Disk(kind)
            let file = sample.info.isSingleFile ? "content" : "content/only"
            let bytes = try #require(sample.files.values.first)
            try disk.put(Array(bytes[..<40_000]), file)
            #expect(try DownloadTests.get(sample, disk.download(sample)) == sample.pieces.count - 2)
            #expect(disk.holds(sample))
            #expect(disk.names == ["content"])
        }
    }

    @Test(arguments: Disk.Kind.allCases)
    func `wrong content is an error that changes nothing, and is replaced when allowed`(kind: Disk.Kind) throws {
        for sample in [try Sample.single(), try Sample.directory()] {
            let disk = try Disk(kind)
            try disk.put(sample)
            let file = sample.info.isSingleFile ? "content" : "content/b/third.bin"
            var bytes = try #require(disk.get(file))
            bytes[20_000] ^= 0xff
            try disk.put(bytes, file)
            let error = #expect(throws: StorageError.self) { try DownloadTests.get(sample, disk.download(sample)) }
            #expect(error?.kind == .conflict)
            #expect(error?.path == disk.path + "/" + file)
            #expect(error?.advice.contains("--overwrite") == true)
            #expect(disk.get(file) == bytes)
            #expect(disk.names == ["content"])
            #expect(try DownloadTests.get(sample, disk.download(sample, overwrite: true)) == 1)
            #expect(disk.holds(sample))
            #expect(disk.names == ["content"])
        }
    }

    @Test
    func `a file longer than the torrent says is wrong`() throws {
        let disk = try Disk(.memory)
        let sample = try Sample.single()
        try disk.put(try #require(sample.files[""]) + [1], "content")
        #expect(throws: StorageError.self) { try DownloadTests.get(sample, disk.download(sample)) }
        #expect(try DownloadTests.get(sample, disk.download(sample, overwrite: true)) == 0)
        #expect(disk.holds(sample))
    }

    @Test(arguments: Disk.Kind.allCases)
    func `a short file of somebody's with other bytes is not taken for a beginning`(kind: Disk.Kind) throws {
        for sample in [try Sample.single(), try Sample.directory()] {
            let disk = try Disk(kind)
            let file = sample.info.isSingleFile ? "content" : "content/last"
            try disk.put([9, 9], file)
            // Too short to be judged by a hash: it shows when the content is there to compare with.
            let error = #expect(throws: StorageError.self) { try DownloadTests.get(sample, disk.download(sample)) }
            #expect(error?.kind == .conflict)
            #expect(disk.get(file) == [9, 9])
            // What was fetched is kept, so that nothing has to be fetched once replacing is allowed.
            #expect(try DownloadTests.get(sample, disk.download(sample, overwrite: true)) == 0)
            #expect(disk.holds(sample))
        }
    }

    @Test
    func `holes of an unfinished download by others are filled, not called wrong`() throws {
        let disk = try Disk(.real)
        let sample = try Sample.single(1 << 20)
        let bytes = try #require(sample.files[""])
        try disk.put(Array(bytes[..<65_536]), "content")
        truncate(disk.path + "/content", 1 << 20)
        #expect(try DownloadTests.get(sample, disk.download(sample)) == sample.pieces.count - 4)
        #expect(disk.holds(sample))
    }

    @Test(arguments: [false, true])
    func `something of another kind is in the way and stays`(overwrite: Bool) throws {
        let file = try Disk(.real)
        let directory = try Sample.directory()
        try file.put([1], "content")
        if overwrite {
            try DownloadTests.get(directory, file.download(directory, overwrite: true))
            #expect(file.holds(directory))
            #expect(file.names == ["content"])
        } else {
            #expect(throws: StorageError.self) { try DownloadTests.get(directory, file.download(directory)) }
            #expect(file.get("content") == [1])
        }
        // A directory may hold anything of the user's: it is never replaced by a file.
        let disk = try Disk(.real)
        let single = try Sample.single()
        try disk.put([1], "content/mine")
        let error = #expect(throws: StorageError.self) {
            try DownloadTests.get(single, disk.download(single, overwrite: overwrite))
        }
        #expect(error?.kind == .inTheWay)
        #expect(disk.get("content/mine") == [1])
        #expect(disk.names == ["content"])
    }

    @Test
    func `inside a directory too: a file where a directory should be is replaced only when allowed, the reverse never`()
        throws
    {
        let disk = try Disk(.real)
        let sample = try Sample.directory()
        try disk.put([1], "content/b")
        let error = #expect(throws: StorageError.self) { try DownloadTests.get(sample, disk.download(sample)) }
        #expect(error?.kind == .conflict)
        #expect(disk.get("content/b") == [1])
        try DownloadTests.get(sample, disk.download(sample, overwrite: true))
        #expect(disk.holds(sample))

        let other = try Disk(.real)
        try other.put([1], "content/last/mine")
        #expect(throws: StorageError.self) { try DownloadTests.get(sample, other.download(sample, overwrite: true)) }
        #expect(other.get("content/last/mine") == [1])
    }

    @Test(arguments: [false, true])
    func `a symlink as the content, its working directory or inside is refused`(overwrite: Bool) throws {
        let sample = try Sample.directory()
        for name in ["content", ".content.swoop"] {
            let disk = try Disk(.real)
            let outside = try Disk(.real)
            symlink(outside.path, disk.path + "/" + name)
            let error = #expect(throws: StorageError.self) {
                try DownloadTests.get(sample, disk.download(sample, overwrite: overwrite))
            }
            #expect(error?.kind == .inTheWay)
            #expect(outside.names.isEmpty)
        }
        let disk = try Disk(.real)
        let outside = try Disk(.real)
        try disk.put([1], "content/mine")
        symlink(outside.path, disk.path + "/content/b")
        #expect(throws: StorageError.self) {
            try DownloadTests.get(sample, disk.download(sample, overwrite: overwrite))
        }
        #expect(outside.names.isEmpty)
        #expect(disk.get("content/mine") == [1])
    }

    @Test(arguments: Disk.Kind.allCases)
    func `content that appears while the download runs is not replaced`(kind: Disk.Kind) throws {
        for sample in [try Sample.single(), try Sample.directory()] {
            let disk = try Disk(kind)
            let download = try disk.download(sample)
            guard case .incomplete(let files, _) = try download.prepare(hashes: sample.hashes) else { return }
            try files.writeAll(sample)
            let file = sample.info.isSingleFile ? "content" : "content/last"
            try disk.put([9], file)
            let error = #expect(throws: StorageError.self) { try download.publish(sample.everything) }
            #expect(error?.kind == .conflict)
            #expect(disk.get(file) == [9])
            download.close()
            #expect(try DownloadTests.get(sample, disk.download(sample, overwrite: true)) == 0)
            #expect(disk.holds(sample))
        }
    }

    @Test
    func `a file that was complete and is changed while the download runs is not lost`() throws {
        let disk = try Disk(.memory)
        let sample = try Sample.directory(version: .v2)
        try disk.put(sample, except: ["last"])
        let download = try disk.download(sample)
        guard case .incomplete(let files, let have) = try download.prepare(hashes: sample.hashes) else { return }
        try disk.put([5], "content/b/third.bin")
        #expect(throws: StorageError.self) {
            try files.bytes(sample, sample.layout.pieces(ofFile: sample.file("b/third.bin")).lowerBound)
        }
        for index in sample.everything.subtracting(have).indices { try files.write(sample, index) }
        #expect(throws: StorageError.self) { try download.publish(sample.everything) }
        #expect(disk.get("content/b/third.bin") == [5])
    }

    @Test
    func `what is reused counts after a restart too`() throws {
        let disk = try Disk(.memory)
        let sample = try Sample.directory(version: .v1)
        try disk.put(sample, except: ["last", "a/second.bin"])
        let first = try disk.download(sample)
        guard case .incomplete(let files, var have) = try first.prepare(hashes: sample.hashes) else { return }
        #expect(Array(sample.everything.subtracting(have).indices) == [3, 4, 8])
        try files.write(sample, 3)
        have.insert(3)
        try first.checkpoint(have)
        first.close()
        let second = try disk.download(sample)
        #expect(try DownloadTests.get(sample, second) == 2)
        #expect(disk.holds(sample))
    }
}

@Suite("Names that could deceive") struct DeceptiveNameTests {
    @Test
    func `content cannot have the name of another download's state`() throws {
        let disk = try Disk(.memory)
        let sample = try Sample.directory(
            [("record", 10), ("content/victim", 10)], name: ".victim.swoop", version: .v1)
        let error = #expect(throws: StorageError.self) { _ = try disk.download(sample) }
        #expect(error?.kind == .conflict)
        for name in ["victim.swoop", ".swoop", "..swoop"] {
            let fine = try Sample.single(name: name)
            try DownloadTests.get(fine, disk.download(fine))
            #expect(disk.holds(fine, as: name))
        }
    }

    @Test
    func `a path is told as it is, and shown without control characters`() throws {
        let disk = try Disk(.real)
        let name = "a\u{1b}[2J\u{202e}b"
        let sample = try Sample.single(name: name)
        let download = try disk.download(sample)
        #expect(download.contentPath == disk.path + "/" + name)
        try disk.put([UInt8](repeating: 1, count: 200_000), name)
        let error = #expect(throws: StorageError.self) { try DownloadTests.get(sample, download) }
        #expect(error?.description.unicodeScalars.contains { $0.value < 0x20 || $0.value == 0x202e } == false)
    }
}
