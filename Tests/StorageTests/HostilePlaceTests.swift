import Glibc
import Metainfo
import Storage
import TestFileLayers
import Testing

/// Section 15 of the list of hostile input, and places that somebody tampers with.
@Suite("A hostile or failing place") struct HostilePlaceTests {
    @Test
    func `a directory swapped for a symlink leads nowhere`() throws {
        let disk = try Disk(.real)
        let outside = try Disk(.real)
        let sample = try Sample.directory([("sub/one", 16_384), ("sub/two", 16_384)], version: .v1)
        let files = try disk.files(sample)
        try files.write(sample, 0)
        files.close()
        rename(disk.path + "/content/sub", disk.path + "/moved")
        symlink(outside.path, disk.path + "/content/sub")
        let error = #expect(throws: StorageError.self) { try files.write(sample, 1) }
        #expect(error?.kind == .inTheWay)
        #expect(outside.names.isEmpty)
    }

    @Test
    func `a symlink in a file's place is not followed, nor a FIFO waited for`() throws {
        let disk = try Disk(.real)
        let outside = try Disk(.real)
        try outside.put([1, 2, 3], "precious")
        let sample = try Sample.directory([("one", 16_384), ("two", 16_384)], version: .v1)
        mkdir(disk.path + "/content", 0o755)
        symlink(outside.path + "/precious", disk.path + "/content/one")
        mkfifo(disk.path + "/content/two", 0o644)
        let files = try disk.files(sample)
        for index in 0...1 {
            let error = #expect(throws: StorageError.self) { try files.write(sample, index) }
            #expect(error?.kind == .inTheWay)
        }
        #expect(outside.get("precious") == [1, 2, 3])
    }

    @Test
    func `a dangling symlink makes no file elsewhere`() throws {
        let disk = try Disk(.real)
        let outside = try Disk(.real)
        let sample = try Sample.single()
        symlink(outside.path + "/new", disk.path + "/content")
        #expect(throws: StorageError.self) { try disk.files(sample).write(sample, 0) }
        #expect(outside.names.isEmpty)
    }

    @Test
    func `the destination deleted while running is noticed, and nothing is written elsewhere`() throws {
        let disk = try Disk(.real)
        let sample = try Sample.directory(version: .v1)
        let files = try disk.files(sample)
        try files.write(sample, 0)
        disk.removeTree(disk.path)
        let late = #expect(throws: StorageError.self) {
            try files.writeAll(sample)
            try files.synchronize()
        }
        #expect(late?.kind == .vanished)
        #expect(late?.advice.isEmpty == false)
    }

    @Test
    func `one open file deleted while running is noticed by the next sync`() throws {
        let disk = try Disk(.real)
        let sample = try Sample.single()
        let files = try disk.files(sample)
        try files.write(sample, 0)
        try files.synchronize()
        unlink(disk.path + "/content")
        try files.write(sample, 1)
        #expect(throws: StorageError.self) { try files.synchronize() }
    }

    @Test
    func `a file cut off, rewritten or deleted while seeding is not served`() throws {
        let tampering: [(String) -> Void] = [
            { truncate($0, 50_000) },
            { path in
                var times = [timespec(tv_sec: 1, tv_nsec: 0), timespec(tv_sec: 1, tv_nsec: 0)]
                utimensat(AT_FDCWD, path, &times, 0)
            },
            { unlink($0) },
        ]
        for (kind, tamper) in zip([StorageError.Kind.changed, .changed, .vanished], tampering) {
            let disk = try Disk(.real)
            let sample = try Sample.single()
            try disk.put(sample)
            var limits = StorageLimits()
            limits.changeCheckInterval = 0
            let files = try disk.files(sample, access: .reading, limits: limits)
            #expect(try files.regions(sample.piece(0), 0..<100).count == 1)
            tamper(disk.path + "/content")
            let error = #expect(throws: StorageError.self) { try files.regions(sample.piece(5), 0..<100) }
            #expect(error?.kind == kind)
            #expect(throws: StorageError.self) { try files.bytes(sample, 5) }
        }
    }

    @Test(arguments: [
        (ENOSPC, StorageError.Kind.noSpace), (EDQUOT, .noSpace), (EROFS, .readOnly), (EACCES, .permission),
        (EPERM, .permission), (EIO, .io(EIO)), (ENOENT, .vanished), (EFBIG, .io(EFBIG)),
    ])
    func `a fault is told apart, with the path and what to do`(number: Int32, kind: StorageError.Kind) throws {
        let disk = try Disk(.memory)
        let faulty = FaultyFileLayer(disk.layer)
        let sample = try Sample.directory(version: .v1)
        let files = try disk.files(sample, layer: faulty)
        try files.write(sample, 0)
        faulty.fail([.write, .create, .makeDirectory], with: number)
        let error = #expect(throws: StorageError.self) { try files.writeAll(sample) }
        #expect(error?.kind == kind)
        #expect(error?.isDiskFault == true)
        #expect(error?.path.hasPrefix("/place/content") == true)
        #expect(error?.advice.isEmpty == false)
    }

    @Test
    func
        `a disk that fills up half way through a piece loses nothing that was written, and goes on when there is space`()
        throws
    {
        let disk = try Disk(.memory)
        let faulty = FaultyFileLayer(disk.layer)
        let sample = try Sample.directory(version: .v1)
        let download = try disk.download(sample, layer: faulty)
        guard case .incomplete(let files, _) = try download.prepare(hashes: sample.hashes) else { return }
        faulty.fail([.write], with: ENOSPC, afterBytes: 40_000)
        var written = PieceSet(size: sample.pieces.count)
        let error = #expect(throws: StorageError.self) {
            for index in sample.pieces.indices {
                try files.write(sample, index)
                written.insert(index)
            }
        }
        #expect(error?.kind == .noSpace)
        #expect(written.count == 2)
        // Not even the record could be written; then space comes back.
        #expect(throws: StorageError.self) { try download.checkpoint(written) }
        faulty.heal()
        try download.checkpoint(written)
        download.close()
        let again = try disk.download(sample)
        guard case .incomplete(let rest, let have) = try again.prepare(hashes: sample.hashes) else { return }
        #expect(have.isSuperset(of: written))
        try rest.writeAll(sample)
        try again.publish(sample.everything)
        #expect(disk.holds(sample))
    }

    @Test
    func `when space cannot be reserved the error says how much is needed`() throws {
        let disk = try Disk(.memory)
        let faulty = FaultyFileLayer(disk.layer)
        faulty.fail([.allocate], with: ENOSPC)
        let sample = try Sample.single(1_000_000)
        let files = try disk.files(sample, preallocation: .full, layer: faulty)
        let error = #expect(throws: StorageError.self) { try files.preallocate() }
        #expect(error?.kind == .noSpace)
        #expect(error?.message.contains("1000000 bytes needed") == true)
    }

    @Test
    func `a file system that reserves nothing is used all the same`() throws {
        let disk = try Disk(.memory)
        let faulty = FaultyFileLayer(disk.layer)
        faulty.fail([.allocate], with: EOPNOTSUPP)
        let sample = try Sample.single()
        let files = try disk.files(sample, preallocation: .full, layer: faulty)
        try files.preallocate()
        try files.writeAll(sample)
        #expect(disk.holds(sample))
    }

    @Test
    func `after a failed sync no later one claims success`() throws {
        let disk = try Disk(.memory)
        let faulty = FaultyFileLayer(disk.layer)
        let sample = try Sample.single()
        let files = try disk.files(sample, layer: faulty)
        try files.write(sample, 0)
        faulty.fail([.synchronize], with: EIO, times: 1)
        #expect(throws: StorageError.self) { try files.synchronize() }
        #expect(throws: StorageError.self) { try files.synchronize() }
    }

    @Test
    func `names are shown without control characters`() throws {
        let disk = try Disk(.memory)
        let faulty = FaultyFileLayer(disk.layer)
        let sample = try Sample.directory([("evil\u{1b}[2J\u{202e}txt", 100)], version: .v1)
        faulty.fail([.create], with: EACCES)
        let error = #expect(throws: StorageError.self) { try disk.files(sample, layer: faulty).write(sample, 0) }
        let text = try #require(error?.description)
        #expect(text.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x202e })
    }
}
