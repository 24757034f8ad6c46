import Files
import Glibc
import Metainfo
import Storage
import TestFileLayers
import Testing
import Text

@Suite("Content files") struct ContentFilesTests {
    @Test(arguments: Disk.Kind.allCases, [Info.Version.v1, .v2, .hybrid])
    func `pieces written in any order make the files`(kind: Disk.Kind, version: Info.Version) throws {
        let disk = try Disk(kind)
        let sample = try Sample.directory(version: version)
        let files = try disk.files(sample)
        var random = SeededGenerator(seed: 7)
        for index in sample.pieces.indices.shuffled(using: &random) { try files.write(sample, index) }
        for index in sample.pieces.indices { #expect(try files.bytes(sample, index) == sample.pieces[index]) }
        for (path, bytes) in sample.files where !bytes.isEmpty { #expect(disk.get("content/\(path)") == bytes) }
        #expect(!disk.names(disk.path + "/content").contains(".pad"), "padding is never written")
    }

    @Test(arguments: Disk.Kind.allCases)
    func `a single file lies beside its directory, not in one of its own`(kind: Disk.Kind) throws {
        let disk = try Disk(kind)
        let sample = try Sample.single()
        try disk.files(sample).writeAll(sample)
        #expect(disk.names == ["content"])
        #expect(disk.holds(sample))
    }

    @Test
    func `a part of a piece is read where it lies, padding as zeros`() throws {
        let disk = try Disk(.memory)
        let sample = try Sample.directory([("a", 20_000), ("b", 10)], version: .hybrid)
        let files = try disk.files(sample)
        try files.writeAll(sample)
        #expect(try files.bytes(sample, 1, 3000..<16_384) == Array(sample.pieces[1][3000...]))
        let regions = try files.regions(sample.piece(1), 3000..<16_384)
        try #require(regions.count == 2)
        guard case .file(_, offset: 19_384, length: 616) = regions[0], case .zeros(12_768) = regions[1] else {
            Issue.record("wrong regions \(regions)")
            return
        }
    }

    @Test
    func `a region can be read as sendfile would, even after its file left the cache`() throws {
        let disk = try Disk(.real)
        let sample = try Sample.directory((0..<20).map { ("file\($0)", 16_384) }, version: .v1)
        var limits = StorageLimits()
        limits.openFiles = 2
        let files = try disk.files(sample, limits: limits)
        try files.writeAll(sample)
        let leases = try sample.pieces.indices.map { try files.regions(sample.piece($0), 0..<100)[0] }
        #expect(files.openDescriptors <= 2 + 1)
        for (index, lease) in leases.enumerated() {
            guard case .file(let file, let offset, let length) = lease else { continue }
            var bytes = [UInt8](repeating: 0, count: length)
            #expect(pread(file.descriptor, &bytes, length, Int(offset)) == length)
            #expect(bytes == Array(sample.pieces[index][..<100]))
        }
    }

    @Test
    func `a descriptor is closed once it is neither cached nor leased`() throws {
        let disk = try Disk(.real)
        let sample = try Sample.single()
        let files = try disk.files(sample)
        try files.writeAll(sample)
        var region: ContentFiles.Region? = try files.regions(sample.piece(0), 0..<10)[0]
        var number: Int32 = -1
        if case .file(let file, _, _)? = region { number = file.descriptor }
        let inode = try SystemFileLayer().status(number).inode
        files.close()
        #expect(try SystemFileLayer().status(number).inode == inode)
        region = nil
        // The number may serve another test by now, but not this file.
        #expect((try? SystemFileLayer().status(number).inode) != inode)
    }

    @Test
    func `thousands of files need few descriptors`() throws {
        let disk = try Disk(.real)
        let sample = try Sample.directory(
            (0..<1500).map { ("d\($0 % 150)/f\($0)", 20) }, pieceLength: 16_384, version: .v1)
        let files = try disk.files(sample)
        try files.writeAll(sample)
        #expect(files.openDescriptors <= StorageLimits().openFiles + StorageLimits().openDirectories)
        try files.synchronize()
        #expect(disk.holds(sample))
    }

    @Test
    func `at the limit of open files the cache gives way`() throws {
        let disk = try Disk(.memory)
        let faulty = FaultyFileLayer(disk.layer)
        let sample = try Sample.directory(version: .v1)
        let files = try disk.files(sample, layer: faulty)
        try files.write(sample, 0)
        faulty.fail([.open, .create, .openDirectory], with: EMFILE, times: 1)
        try files.writeAll(sample)
        #expect(try files.bytes(sample, 5) == sample.pieces[5])
        faulty.fail([.open, .create, .openDirectory], with: EMFILE)
        files.close()
        let error = #expect(throws: StorageError.self) { try files.bytes(sample, 0) }
        #expect(error?.kind == .tooManyOpenFiles)
        #expect(error?.advice.contains("ulimit") == true)
    }

    @Test
    func `files nobody selected are not made, and pieces they share with others are kept as far as wanted`() throws {
        let disk = try Disk(.memory)
        let sample = try Sample.directory(version: .v1)
        let selection = sample.selection("a/second.bin")
        let files = try disk.files(sample, selection: selection)
        let wanted = selection.pieces(of: sample.layout)
        #expect(Array(wanted.indices) == [3, 4])
        for index in wanted.indices { try files.write(sample, index) }
        #expect(disk.names(disk.path + "/content/a") == ["second.bin"])
        #expect(disk.get("content/a/second.bin") == sample.files["a/second.bin"])
        #expect(!files.canServe(sample.piece(3)))
        #expect(throws: StorageError.self) { try files.bytes(sample, 3) }
    }

    @Test
    func `a buffer that is not the piece's length is refused`() throws {
        let disk = try Disk(.memory)
        let sample = try Sample.single()
        let files = try disk.files(sample)
        let bytes = [UInt8](repeating: 0, count: 100)
        let error = #expect(throws: StorageError.self) {
            try bytes.withUnsafeBytes { try files.write(sample.piece(0), $0) }
        }
        #expect(error?.kind == .misuse)
        #expect(throws: StorageError.self) { try files.regions(sample.piece(0), 0..<20_000) }
        #expect(throws: StorageError.self) { try files.regions(PieceIndex(unchecked: 99), 0..<1) }
        #expect(disk.names.isEmpty)
    }

    @Test
    func `the executable bit is kept, other files are plain`() throws {
        let disk = try Disk(.real)
        let sample = try Sample.directory([("run", 100), ("read", 100)], version: .v1, executable: ["run"])
        try disk.files(sample).writeAll(sample)
        var status = stat()
        stat(disk.path + "/content/run", &status)
        #expect(status.st_mode & 0o111 & ~mask() == 0o111 & ~mask())
        stat(disk.path + "/content/read", &status)
        #expect(status.st_mode & 0o111 == 0)
    }

    private func mask() -> mode_t {
        // There is no way to read the mask without setting it; a file made without one shows it.
        0o022
    }

    @Test(arguments: Preallocation.allCases)
    func `lengths are set as holes, or space is reserved, or nothing of it`(choice: Preallocation) throws {
        let disk = try Disk(.real)
        let sample = try Sample.single(1_000_000)
        let files = try disk.files(sample, preallocation: choice)
        try files.preallocate()
        try files.write(sample, 0)
        var status = stat()
        stat(disk.path + "/content", &status)
        switch choice {
        case .none: #expect(status.st_size == 16_384)
        case .sparse: #expect(status.st_size == 1_000_000 && status.st_blocks * 512 < 900_000)
        case .full: #expect(status.st_size == 1_000_000 && status.st_blocks * 512 >= 1_000_000)
        }
    }

    @Test
    func `many threads write and read at once`() throws {
        let disk = try Disk(.real)
        let sample = try Sample.directory((0..<64).map { ("d\($0 % 5)/f\($0)", 40_000) }, version: .v1)
        var limits = StorageLimits()
        limits.openFiles = 4
        limits.openDirectories = 2
        let files = try disk.files(sample, limits: limits)
        Parallelism.threads(4).perform(8) { worker in
            for index in sample.pieces.indices where index % 8 == worker {
                try? files.write(sample, index)
                #expect((try? files.bytes(sample, index)) == sample.pieces[index])
                if index % 16 == 0 { try? files.synchronize() }
            }
        }
        try files.synchronize()
        #expect(disk.holds(sample))
    }
}
