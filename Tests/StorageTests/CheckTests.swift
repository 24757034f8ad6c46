import Files
import Glibc
import Hashing
import Metainfo
import Storage
import Synchronization
import TestFileLayers
import Testing

@Suite("Checking what is on disk") struct CheckTests {
    @Test(arguments: Disk.Kind.allCases, [Info.Version.v1, .v2, .hybrid])
    func `tells right, wrong and missing apart`(kind: Disk.Kind, version: Info.Version) throws {
        let disk = try Disk(kind)
        let sample = try Sample.directory(version: version)
        try disk.put(sample, except: ["last"])
        var bytes = try #require(sample.files["a/second.bin"])
        bytes[1000] ^= 1
        try disk.put(bytes, "content/a/second.bin")
        let files = try disk.files(sample)
        for width in [1, 3] {
            let check = ContentCheck(files: files, hashes: sample.hashes)
            let result = try check.run(parallelism: .threads(width))
            let touched = Set(sample.layout.pieces(ofFile: sample.file("a/second.bin")))
            let gone = Set(sample.layout.pieces(ofFile: sample.file("last")))
            for index in sample.pieces.indices {
                let spoilt = sample.layout.spans(of: sample.piece(index)).contains {
                    $0.file == sample.file("a/second.bin") && $0.fileOffset <= 1000
                        && $0.fileOffset + Int64($0.length) > 1000
                }
                #expect(result.wrong.contains(index) == spoilt)
                #expect(result.right.contains(index) == (!spoilt && !gone.contains(index)))
            }
            #expect(!touched.isEmpty)
            #expect(result.files[sample.file("last")] == .missing)
            #expect(result.files[sample.file("a/empty")] == .present(size: 0))
            #expect(result.readFailure == nil)
        }
    }

    @Test(arguments: [Info.Version.v2, .hybrid])
    func `layers that a torrent lacks are made of the content, as far as it is right`(version: Info.Version) throws {
        let disk = try Disk(.memory)
        let sample = try Sample.directory(version: version)
        try disk.put(sample)
        let files = try disk.files(sample)
        let bare = PieceHashes(info: sample.torrent.info)
        #expect(!bare.filesMissingLayers.isEmpty)
        let made = try LayerMaking(files: files).add(to: bare, parallelism: .threads(3))
        #expect(made.filesMissingLayers.isEmpty && made.knownLayers == sample.torrent.pieceLayers)
        // One that is wrong has none, the others have theirs.
        var bytes = try #require(sample.files["b/third.bin"])
        bytes[1000] ^= 1
        try disk.put(bytes, "content/b/third.bin")
        let wrong = try LayerMaking(files: try disk.files(sample)).add(to: bare)
        #expect(wrong.filesMissingLayers == [sample.file("b/third.bin")])
        let cancelled = #expect(throws: StorageError.self) {
            try LayerMaking(files: files, isCancelled: { true }).add(to: bare)
        }
        #expect(cancelled?.kind == .cancelled)
    }

    @Test
    func `what the record vouches for is not read, as long as its files are there and long enough`() throws {
        let disk = try Disk(.memory)
        let sample = try Sample.directory(version: .v1)
        try disk.put(sample)
        let faulty = FaultyFileLayer(disk.layer)
        let files = try disk.files(sample, layer: faulty)
        var check = ContentCheck(files: files, hashes: sample.hashes, trusted: sample.everything)
        var result = try check.run()
        #expect(result.right.isFull)
        #expect(faulty.count(of: .read) == 0)
        #expect(result.hashedBytes == 0)

        // One file cut off, one gone: the pieces in them no longer count.
        try disk.put(Array(sample.files["b/third.bin", default: []].prefix(100)), "content/b/third.bin")
        check.trusted?.remove(0)
        result = try check.run()
        #expect(result.hashedBytes == 16_384)
        #expect(result.right.contains(0))
        #expect(!result.right.contains(5))
    }

    @Test(arguments: [Info.Version.v1, .v2, .hybrid])
    func `holes are not read; where the content is zeros they are right`(version: Info.Version) throws {
        let disk = try Disk(.real)
        let sample = try Sample.directory(
            [("data", 200_000), ("zeros", 200_000)], version: version, zeros: ["zeros"])
        let files = try disk.files(sample)
        try files.write(sample, 2)
        try files.write(sample, sample.pieces.count - 1)
        let result = try ContentCheck(files: files, hashes: sample.hashes).run()
        #expect(result.wrong.isEmpty)
        #expect(result.firstFaultyFile(in: sample.torrent.info.layout) != nil)
        #expect(result.hashedBytes <= 5 * 16_384, "only what was written is read, up to a block of the file system")
        for index in sample.pieces.indices {
            let isZero = sample.pieces[index].allSatisfy { $0 == 0 }
            #expect(result.right.contains(index) == (isZero || index == 2 || index == sample.pieces.count - 1))
        }
    }

    @Test
    func `a blob is checked by its chain, whatever its SHA-1s say`() throws {
        let disk = try Disk(.real)
        var bytes = [UInt8](repeating: 7, count: 200_000)
        // Pieces 4 and 5 are zeros, and holes on disk as the rest of what is not written.
        for index in 65_536..<98_304 { bytes[index] = 0 }
        let sample = try Sample.blob(bytes)
        let files = try disk.files(sample)
        for piece in [2, 3, 7, sample.pieces.count - 1] { try files.write(sample, piece) }
        let wrong = [UInt8](repeating: 1, count: 16_384)
        try wrong.withUnsafeBytes { try files.write(sample.piece(7), $0) }
        let right = try ContentCheck(files: files, hashes: sample.hashes).run(parallelism: .threads(2))
        #expect(Array(right.right.indices) == [2, 3, 4, 5, sample.pieces.count - 1])
        #expect(Array(right.wrong.indices) == [7])
        #expect(right.hashedBytes <= 8 * 16_384, "a hole is read only where the content may be zeros")
        // SHA-1s that call every piece zeros do not make a hole the content, those of other bytes change nothing.
        let zeros = SHA1.digest([UInt8](repeating: 0, count: 16_384)).bytes
        let forged = try Sample.blob(bytes, sha1: (0..<sample.pieces.count).flatMap { _ in zeros })
        let found = try ContentCheck(files: files, hashes: forged.hashes).run()
        #expect(found.right == right.right && found.wrong == right.wrong)
    }

    @Test
    func `a hundred gigabytes of hole take no time`() throws {
        let disk = try Disk(.real)
        let builder = try TorrentBuilder(
            name: try PathComponent("content"), length: 100 << 30, pieceLength: 16 << 20, version: .v1)
        let hash = [UInt8](repeating: 5, count: 20)
        let torrent = try builder.build(v1: (0..<builder.layout.pieceCount).flatMap { _ in hash })
        let root = try ContentRoot.at(directory: disk.path, name: try #require(FileName("content")))
        let files = ContentFiles(layout: torrent.info.layout, root: root, access: .downloading)
        let piece = [UInt8](repeating: 1, count: 16 << 20)
        try piece.withUnsafeBytes { try files.write(PieceIndex(unchecked: 6399), $0) }
        let result = try ContentCheck(files: files, hashes: torrent.pieceHashes).run()
        #expect(result.files == [.present(size: 100 << 30)])
        #expect(result.hashedBytes == 16 << 20)
        #expect(Array(result.wrong.indices) == [6399])
    }

    @Test
    func `progress reaches the total and never goes back`() throws {
        let disk = try Disk(.memory)
        let sample = try Sample.directory()
        try disk.put(sample, except: ["last"])
        let steps = Mutex<[CheckProgress]>([])
        _ = try ContentCheck(files: disk.files(sample), hashes: sample.hashes)
            .run(parallelism: .threads(2)) { step in steps.withLock { $0.append(step) } }
        let seen = steps.withLock { $0 }
        #expect(seen.last.map { $0.done == $0.total } == true)
        #expect(zip(seen, seen.dropFirst()).allSatisfy { $0.done <= $1.done })
    }

    @Test
    func `a check stops when asked`() throws {
        let disk = try Disk(.memory)
        let sample = try Sample.single(2 << 20)
        try disk.put(sample)
        let faulty = FaultyFileLayer(disk.layer)
        let asked = Atomic(0)
        let check = ContentCheck(files: try disk.files(sample, layer: faulty), hashes: sample.hashes)
        let error = #expect(throws: StorageError.self) {
            try check.run(isCancelled: { asked.add(1, ordering: .relaxed).newValue > 3 })
        }
        #expect(error?.kind == .cancelled)
        #expect(faulty.count(of: .read) < 64)
    }

    @Test
    func `a part of the disk that cannot be read counts as missing, and is told of`() throws {
        let disk = try Disk(.memory)
        let sample = try Sample.single()
        try disk.put(sample)
        let faulty = FaultyFileLayer(disk.layer)
        faulty.fail([.read], with: EIO, afterCalls: 2, times: 1)
        let result = try ContentCheck(files: disk.files(sample, layer: faulty), hashes: sample.hashes).run()
        #expect(result.right.count == sample.pieces.count - 1)
        #expect(result.wrong.isEmpty)
        #expect(result.readFailure?.kind == .io(EIO))
    }

    @Test
    func `seeding follows the symlinks that making the torrent followed`() throws {
        let disk = try Disk(.real)
        let sample = try Sample.directory([("here", 20_000), ("there", 20_000)], version: .v1)
        try disk.put(sample, as: "original")
        mkdir(disk.path + "/content", 0o755)
        for name in ["here", "there"] { symlink(disk.path + "/original/" + name, disk.path + "/content/" + name) }
        let root = try ContentRoot.at(path: disk.path + "/content")
        let files = ContentFiles(layout: sample.layout, root: root, access: .reading)
        #expect(try ContentCheck(files: files, hashes: sample.hashes).run().right.isFull)
    }
}

@Suite("Vouching for complete content") struct VouchingTests {
    @Test
    func `a record counts until a file is written, replaced, moved or gone`() throws {
        let disk = try Disk(.real)
        let state = try Disk(.real)
        let sample = try Sample.directory(version: .v1)
        let hashes = sample.info.hashes
        try disk.put(sample)
        let store = VouchingStore(directory: state.path + "/a/b")
        func vouched() throws -> PieceSet? {
            let root = try ContentRoot.at(path: disk.path + "/content")
            return store.pieces(
                vouchedFor: ContentFiles(layout: sample.layout, root: root, access: .reading), hashes: hashes)
        }
        #expect(try vouched() == nil)
        try store.save(disk.files(sample), hashes: hashes, pieces: sample.everything)
        #expect(try vouched() == sample.everything)

        let file = disk.path + "/content/last"
        let old = try #require(disk.get("content/last"))
        unlink(file)
        #expect(try vouched() == nil, "gone")
        try disk.put(old, "content/last")
        #expect(try vouched() == nil, "the same bytes, but another file")
        try store.save(disk.files(sample), hashes: hashes, pieces: sample.everything)
        #expect(try vouched() != nil)
        let other = try Sample.directory(version: .v1, seed: 5)
        #expect(store.pieces(vouchedFor: try disk.files(sample), hashes: other.info.hashes) == nil)
        rename(disk.path + "/content", disk.path + "/moved")
        #expect(store.pieces(vouchedFor: try disk.files(sample, as: "moved"), hashes: hashes) == nil)
    }

    @Test
    func `a download leaves a record that vouches for it`() throws {
        let disk = try Disk(.memory)
        let sample = try Sample.directory()
        let store = VouchingStore(directory: "/state", layer: disk.layer)
        try DownloadTests.get(sample, disk.download(sample, vouching: store))
        let vouched = store.pieces(vouchedFor: try disk.files(sample, access: .reading), hashes: sample.info.hashes)
        #expect(vouched == sample.everything)
    }
}
