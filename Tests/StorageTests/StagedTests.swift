import Files
import Metainfo
import Storage
import Testing

@Suite("Staged content") struct StagedTests {
    private func open(
        _ sample: Sample, on disk: Disk, _ content: String, record: String
    ) throws -> StagedContent {
        try StagedContent.open(
            contentPath: "\(disk.path)/\(content)", recordPath: "\(disk.path)/\(record)", info: sample.info,
            layer: disk.layer)
    }

    @Test(arguments: Disk.Kind.allCases)
    func `goes where its owner says, whatever the torrent's name, and stays there`(kind: Disk.Kind) throws {
        for sample in [try Sample.directory(), try Sample.single()] {
            let disk = try Disk(kind)
            let staged = try open(sample, on: disk, "deep/other name", record: "records/one")
            let (files, have) = try staged.prepare(hashes: sample.hashes, selection: FileSelection(all: sample.layout))
            #expect(have.isEmpty)
            try files.writeAll(sample)
            try staged.finish(sample.everything)
            staged.close()
            #expect(disk.holds(sample, as: "deep/other name"))
            #expect(disk.names == ["deep", "records"] && disk.names(disk.path + "/deep") == ["other name"])
        }
    }

    @Test
    func `of two owners with different files share one directory`() throws {
        let disk = try Disk(.real)
        let sample = try Sample.directory(version: .v1)
        let first = try open(sample, on: disk, "content", record: "1")
        let second = try open(sample, on: disk, "content", record: "2")
        let ownFiles = sample.selection("a/deep/down/first.bin", "last")
        let otherFiles = sample.selection("a/empty", "a/second.bin", "b/third.bin")
        let (own, _) = try first.prepare(hashes: sample.hashes, selection: ownFiles)
        let (other, _) = try second.prepare(hashes: sample.hashes, selection: otherFiles)
        for index in sample.pieces.indices {
            if ownFiles.pieces(of: sample.layout).contains(index) { try own.write(sample, index) }
            if otherFiles.pieces(of: sample.layout).contains(index) { try other.write(sample, index) }
        }
        try first.finish(ownFiles.pieces(of: sample.layout))
        try second.finish(otherFiles.pieces(of: sample.layout))
        #expect(disk.holds(sample))
        first.close()
        let again = try open(sample, on: disk, "content", record: "1")
        let (_, have) = try again.prepare(hashes: sample.hashes, selection: ownFiles)
        #expect(have == ownFiles.pieces(of: sample.layout))
    }

    @Test
    func `has one writer for each record`() throws {
        let disk = try Disk(.real)
        let sample = try Sample.single()
        let first = try open(sample, on: disk, "content", record: "record")
        #expect { _ = try open(sample, on: disk, "content", record: "record") } throws: { error in
            if case .locked = (error as? StorageError)?.kind { true } else { false }
        }
        first.close()
        _ = try open(sample, on: disk, "content", record: "record")
    }

    @Test
    func `goes on where its record says, and hashes what the record does not cover`() throws {
        let disk = try Disk(.real)
        let sample = try Sample.single(20 * 16_384)
        var durable = PieceSet(size: 20)
        do {
            let staged = try open(sample, on: disk, "content", record: "record")
            let (files, _) = try staged.prepare(hashes: sample.hashes, selection: FileSelection(all: sample.layout))
            for index in 0..<5 { try files.write(sample, index) }
            durable.insert(0..<5)
            try staged.checkpoint(durable)
            // Never recorded, as when the process is killed.
            for index in 5..<9 { try files.write(sample, index) }
            staged.close()
        }
        // The record is believed: a piece that it vouches for is not read again.
        var bytes = try #require(disk.get("content"))
        bytes[0] ^= 1
        try disk.put(bytes, "content")
        let staged = try open(sample, on: disk, "content", record: "record")
        let (_, have) = try staged.prepare(hashes: sample.hashes, selection: FileSelection(all: sample.layout))
        durable.insert(5..<9)
        #expect(have == durable)
    }

    @Test
    func `with another torrent's record is hashed, not believed`() throws {
        let disk = try Disk(.real)
        let sample = try Sample.single(10 * 16_384)
        let other = try Sample.single(10 * 16_384, seed: 2)
        let staged = try open(other, on: disk, "content", record: "record")
        let (files, _) = try staged.prepare(hashes: other.hashes, selection: FileSelection(all: other.layout))
        try files.writeAll(other)
        try staged.finish(other.everything)
        staged.close()
        let again = try open(sample, on: disk, "content", record: "record")
        let (_, have) = try again.prepare(hashes: sample.hashes, selection: FileSelection(all: sample.layout))
        #expect(have.isEmpty)
    }

    @Test
    func `is read from its final place once its owner has moved it`() throws {
        let disk = try Disk(.real)
        let sample = try Sample.directory()
        let staged = try open(sample, on: disk, "content", record: "record")
        let (files, _) = try staged.prepare(hashes: sample.hashes, selection: FileSelection(all: sample.layout))
        try files.writeAll(sample)
        try staged.finish(sample.everything)
        guard let from = FileName("content"), let to = FileName("final") else { return }
        let place = try disk.layer.openDirectory(path: disk.path)
        defer { disk.layer.close(place) }
        try disk.layer.rename(from, in: place, to: to, in: place, .noReplace)
        try staged.relocate(to: disk.path + "/final")
        #expect(staged.contentPath == disk.path + "/final")
        for index in sample.pieces.indices { #expect(try files.bytes(sample, index) == sample.pieces[index]) }
        #expect(throws: StorageError.self) { try files.write(sample, 0) }
        #expect(disk.names == ["final", "record"])
    }
}
