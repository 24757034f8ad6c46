import Glibc
import Metainfo
import Storage
import TestFileLayers
import Testing
import Text

/// The power fails; what was not synced is lost, in whole or in any part.
@Suite("After a crash") struct CrashTests {
    @Test(arguments: UInt64(0)..<120)
    func `every piece that the record vouches for is right, and none that was synced is missing`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let version: Info.Version = [.v1, .v2, .hybrid][Int(seed % 3)]
        let sample = try Sample.directory(
            Sample.tree.map { ($0.0, $0.1 * Int.random(in: 1...2, using: &random)) }, version: version, seed: seed)
        let disk = try Disk(.memory)
        let memory = try #require(disk.memory)
        let preallocation = Preallocation.allCases[Int(seed / 3 % 3)]
        var limits = StorageLimits()
        // Now and then one sync of everything instead of one for each file.
        limits.filesSyncedOneByOne = seed % 5 == 0 ? 0 : 128
        limits.openFiles = 2
        var durable = PieceSet(size: sample.pieces.count)

        for life in 0..<12 {
            var options = DownloadDirectory.Options()
            options.preallocation = preallocation
            options.limits = limits
            let download = try DownloadDirectory.open(
                directory: disk.path, info: sample.info, options: options, layer: disk.layer)
            guard case .incomplete(let files, let have) = try download.prepare(hashes: sample.hashes) else {
                #expect(disk.holds(sample))
                return
            }
            // Never fewer than what was synced, and all of them right.
            try #require(have.isSuperset(of: durable), "life \(life): a synced piece was lost")
            for index in have.indices {
                try #require(
                    files.bytes(sample, index) == sample.pieces[index], "life \(life): piece \(index) is wrong")
            }

            var ledger = DurabilityLedger(durable: have, policy: SyncPolicy(interval: 5, bytes: 100_000))
            var written = have
            var now = 0.0
            for _ in 0..<Int.random(in: 0...25, using: &random) {
                now += Double.random(in: 0...2, using: &random)
                if let index = sample.everything.subtracting(written).indices.randomElement(using: &random) {
                    try files.write(sample, index)
                    written.insert(index)
                    ledger.wrote(sample.piece(index), bytes: sample.pieces[index].count, at: now)
                }
                if ledger.isSyncDue(at: now), let batch = ledger.beginSync() {
                    // A piece written while the sync runs is not covered by it.
                    if let index = sample.everything.subtracting(written).indices.randomElement(using: &random) {
                        try files.write(sample, index)
                        written.insert(index)
                        ledger.wrote(sample.piece(index), bytes: sample.pieces[index].count, at: now)
                    }
                    try download.checkpoint(batch)
                    ledger.syncSucceeded()
                }
            }
            durable = ledger.durable
            if written.isFull, Bool.random(using: &random) {
                try download.publish(written)
                #expect(disk.holds(sample))
            }
            switch Int.random(in: 0...2, using: &random) {
            case 0: memory.crash(.everything)
            case 1: memory.crash(.random(seed: random.next()))
            // Only the process dies: what it wrote is there, and none of it durable that was not synced.
            default: memory.kill()
            }
        }
    }

    /// What is at DIR/NAME when the download starts.
    enum Scene: String, CaseIterable, Sendable {
        case nothing, nothingForFile, partOfFile, wrongFile, partOfDirectory, wrongDirectory, fileForDirectory

        var isSingle: Bool { [.nothingForFile, .partOfFile, .wrongFile].contains(self) }
        var needsOverwrite: Bool { [.wrongFile, .wrongDirectory, .fileForDirectory].contains(self) }

        func set(_ disk: Disk, _ sample: Sample) throws {
            switch self {
            case .nothing, .nothingForFile: break
            case .partOfFile: try disk.put(Array(sample.files["", default: []].prefix(20_000)), "content")
            case .wrongFile: try disk.put([UInt8](repeating: 9, count: 120_000), "content")
            case .partOfDirectory: try disk.put(sample, except: ["b/third.bin", "a/empty"])
            case .wrongDirectory:
                try disk.put(sample, except: ["last"])
                try disk.put([UInt8](repeating: 9, count: 16_384), "content/a/second.bin")
                try disk.put([9], "content/b/third.bin")
            case .fileForDirectory: try disk.put([9], "content")
            }
            if self == .partOfDirectory || self == .wrongDirectory { try disk.put([7], "content/a/mine") }
        }
    }

    @Test(arguments: Scene.allCases)
    func `at any step of starting or publishing, the next start ends well without fetching`(scene: Scene) throws {
        let sample = try scene.isSingle ? Sample.single() : Sample.directory(version: .v1)
        let changing: Set<FaultyFileLayer.Operation> = [
            .create, .write, .synchronize, .truncate, .makeDirectory, .rename, .remove,
        ]
        var steps = 0
        var isDone = false
        while !isDone {
            for variant in 0..<4 {
                let seed = UInt64(steps * 4 + variant)
                let disk = try Disk(.memory)
                let memory = try #require(disk.memory)
                try scene.set(disk, sample)
                let faulty = FaultyFileLayer(disk.layer)
                let download = try disk.download(sample, overwrite: scene.needsOverwrite, layer: faulty)
                guard case .incomplete(let files, var have) = try download.prepare(hashes: sample.hashes) else {
                    return
                }
                for index in sample.everything.subtracting(have).indices {
                    try files.write(sample, index)
                    have.insert(index)
                }
                try download.checkpoint(have)
                // The machine stops at the next step: every later call fails.
                faulty.fail(changing, with: EIO, afterCalls: steps)
                isDone = (try? download.publish(have)) != nil
                Self.stop(memory, variant, seed)
                if variant > 1 {
                    // It stops once more while the next start puts things right.
                    faulty.heal()
                    faulty.fail(changing, with: EIO, afterCalls: Int(seed % 13))
                    let again = try? disk.download(sample, overwrite: scene.needsOverwrite, layer: faulty)
                    _ = try? again.map { try DownloadTests.get(sample, $0) }
                    Self.stop(memory, variant, seed + 1)
                }
                let fetched = try DownloadTests.get(sample, disk.download(sample, overwrite: scene.needsOverwrite))
                try #require(fetched == 0, "\(scene), step \(steps), variant \(variant)")
                try #require(disk.holds(sample), "\(scene), step \(steps), variant \(variant)")
                try #require(disk.names == ["content"], "\(scene), step \(steps), variant \(variant)")
                if scene == .partOfDirectory || scene == .wrongDirectory {
                    #expect(disk.get("content/a/mine") == [7], "step \(steps): a file of the user's is gone")
                }
            }
            steps += 1
        }
        #expect(steps > 4)
    }

    private static func stop(_ memory: MemoryFileLayer, _ variant: Int, _ seed: UInt64) {
        switch variant {
        case 0: memory.crash(.everything)
        case 1: memory.kill()
        default: memory.crash(.random(seed: seed))
        }
    }

    @Test(arguments: Scene.allCases)
    func `without permission to replace, nothing of the user's is ever lost, whenever it crashes`(scene: Scene) throws {
        guard scene.needsOverwrite else { return }
        let sample = try scene.isSingle ? Sample.single() : Sample.directory(version: .v1)
        for steps in 0..<30 {
            let disk = try Disk(.memory)
            try scene.set(disk, sample)
            let before = disk.get("content") ?? disk.get("content/a/second.bin")
            let faulty = FaultyFileLayer(disk.layer)
            faulty.fail(
                [.create, .write, .synchronize, .rename, .remove, .makeDirectory], with: EIO, afterCalls: steps)
            #expect(throws: StorageError.self) { try DownloadTests.get(sample, disk.download(sample, layer: faulty)) }
            try #require(disk.memory).crash(.random(seed: UInt64(steps)))
            #expect((disk.get("content") ?? disk.get("content/a/second.bin")) == before)
        }
    }
}
