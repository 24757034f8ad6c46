import BlobNode
import Blobs
import Files
import Glibc
import Hashing
import Logging
import Metainfo
import Swarm
import TestFileLayers
import TestSupport
import Testing

/// A host's blobs, of which a process is over and the next one begins.
private struct Place {
    let home: TemporaryDirectory

    init() throws { home = try TemporaryDirectory() }

    /// - Parameter isKilled: the process ends without a word.
    func process<R>(
        isKilled: Bool = false, on layer: any FileLayer = SystemFileLayer(), _ body: (BlobNode) async throws -> R
    ) async throws -> R {
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let swarm = try SwarmNode(configuration: SwarmNode.Configuration(), logger: logger)
        let node = BlobNode(
            directory: try BlobDirectory(path: home.path("data"), layer: layer), swarm: swarm,
            options: TransferOptions(), logger: logger)
        do {
            try await node.start()
            let result = try await body(node)
            if !isKilled { await node.stop() }
            await swarm.shutdown()
            return result
        } catch {
            await swarm.shutdown()
            throw error
        }
    }

    @discardableResult
    func push(_ bytes: [UInt8], to node: BlobNode, usedAt: Double = 1) throws -> BlobInfo {
        let upload = try BlobUpload(in: node.directory)
        try upload.enter(at: 0)
        try bytes.withUnsafeBytes { try upload.append([$0]) }
        upload.leave()
        let blob = try upload.finish(SHA256.digest(bytes))
        node.catalogue.add(blob.digest, blob.info, usedAt: usedAt)
        return try #require(blob.info)
    }
}

@Suite struct `The catalogue of a host's blobs` {
    @Test func `knows the same as a table that does the same`() throws {
        let catalogue = BlobCatalogue()
        var (model, random): ([SHA256Digest: Double], SystemRandomNumberGenerator) = ([:], .init())
        for step in 0..<30_000 {
            let digest = SHA256.digest([
                UInt8.random(in: 0...15, using: &random), UInt8.random(in: 0...255, using: &random),
            ])
            switch Int.random(in: 0..<4, using: &random) {
            case 0:
                catalogue.remove(digest)
                model[digest] = nil
            case 1:
                #expect((catalogue.touch(digest, at: Double(step)) != nil) == (model[digest] != nil))
                if model[digest] != nil { model[digest] = Double(step) }
            default:
                catalogue.add(digest, nil, usedAt: Double(step))
                model[digest] = Double(step)
            }
        }
        #expect(catalogue.figures.blobs == model.count)
        for (digest, usedAt) in model { #expect(catalogue.entry(of: digest)?.usedAt == usedAt) }
        var seen: [SHA256Digest: Double] = [:]
        catalogue.forEach { seen[$0] = $1.usedAt }
        #expect(seen == model)
        #expect(catalogue.leastRecentlyUsed.map(\.entry.usedAt) == model.values.sorted())
        var (place, count) = (UInt32?.some(0), 0)
        while place != nil { count += catalogue.some(from: &place, limit: 100) { $0.usedAt >= 15_000 }.count }
        #expect(count == model.values.count { $0 >= 15_000 })
    }

    @Test func `finds each blob by its swarm, and none that was removed`() throws {
        let catalogue = BlobCatalogue()
        let infos = try (0..<600).map { number in
            var hasher = BlobHasher()
            withUnsafeBytes(of: number) { hasher.update($0) }
            return try hasher.finish().info()
        }
        for info in infos { catalogue.add(info.digest, info, usedAt: 0) }
        for info in infos.prefix(300) { catalogue.remove(info.digest) }
        #expect(
            infos.map { catalogue.swarm(of: $0.infoHash)?.digest }
                == infos.enumerated().map { $0 < 300 ? nil : $1.digest })
        #expect(catalogue.figures.bytes == 300 * Int64(MemoryLayout<Int>.size))
    }

    @Test func `is there after a restart without a look at any blob's torrent, with the times of use`() async throws {
        let place = try Place()
        let infos = try await place.process { node in
            try (0..<50).map { try place.push([UInt8]("blob \($0)".utf8), to: node, usedAt: 1_000.5 + Double($0)) }
        }
        for info in infos { #expect(unlink(BlobDirectory.infoPath(info.digest, in: place.home.path("data"))) == 0) }
        try await place.process { node in
            #expect(node.catalogue.figures.blobs == 50)
            for (number, info) in infos.enumerated() {
                let entry = try #require(node.catalogue.entry(of: info.digest))
                #expect(entry.usedAt == 1_000.5 + Double(number))
                #expect(entry.infoHash == info.infoHash && entry.infoDigest == info.infoDigest)
                #expect(entry.size == info.length)
            }
        }
    }

    @Test func `is brought right after a kill: what came is found, what went is forgotten, damage counts for nothing`()
        async throws
    {
        let place = try Place()
        let (kept, gone) = try await place.process { node in
            (try place.push([1], to: node, usedAt: 7), try place.push([2], to: node))
        }
        let new = try await place.process(isKilled: true) { node in
            try node.directory.remove(gone.digest)
            return try place.push([3], to: node)
        }
        // Half of a record, and one with a byte that is wrong.
        var bytes = try #require(place.home.read("data/catalogue"))
        bytes[bytes.count - 60] ^= 1
        try place.home.write("data/catalogue", bytes + [1, 2, 3])
        for _ in 0..<2 {
            try await place.process { node in
                #expect(node.catalogue.figures.blobs == 2)
                #expect(node.catalogue.entry(of: gone.digest) == nil)
                for info in [kept, new] { #expect(node.catalogue.entry(of: info.digest)?.infoHash == info.infoHash) }
            }
        }
        // A file that is none costs no more than time.
        try place.home.write("data/catalogue", [UInt8](repeating: 7, count: 5_000))
        try await place.process { #expect($0.catalogue.figures.blobs == 2) }
    }

    @Test func `a blob that somebody is about to use is removed by nobody`() {
        let (catalogue, digest) = (BlobCatalogue(), SHA256.digest([1]))
        #expect(!catalogue.remove(digest, unlessUsedAfter: 10))
        catalogue.add(digest, nil, usedAt: 5)
        #expect(!catalogue.remove(digest, unlessUsedAfter: 4.9))
        var lease: BlobLease? = catalogue.reserve(digest)
        #expect(lease != nil && !catalogue.remove(digest, unlessUsedAfter: 10))
        lease = nil
        #expect(catalogue.remove(digest, unlessUsedAfter: 5) && catalogue.figures.blobs == 0)
    }

    @Test func `has the swarms' secret that was set last, whoever sets one at the same time`() async throws {
        let place = try Place()
        try await place.process { node in
            // In the catalogue alone: nothing of this is about the disk.
            let infos = try (0..<200).map { number in
                var hasher = BlobHasher()
                hasher.update([UInt8(number), 1, 2])
                let info = try hasher.finish().info()
                node.catalogue.add(info.digest, info, usedAt: 1)
                return info
            }
            for round in 0..<60 {
                await withTaskGroup(of: Void.self) { group in
                    for number in 0..<3 {
                        group.addTask {
                            node.setDoors(SwarmDoors(secret: SwarmSecret(text: "\(round) \(number)")))
                        }
                    }
                }
                let secret = try #require(node.doors.secret)
                #expect(node.catalogue.swarm(of: secret.wireHash(of: infos[0].infoHash))?.secret == secret)
            }
        }
    }

    @Test func `who touches a blob is told what is kept from then on`() {
        let (catalogue, digest) = (BlobCatalogue(), SHA256.digest([1]))
        #expect(catalogue.touch(digest, at: 10) == nil)
        catalogue.add(digest, nil, usedAt: 5)
        #expect(catalogue.touch(digest, at: 10)?.usedAt == 10)
        #expect(!catalogue.remove(digest, unlessUsedAfter: 9))
        catalogue.setBad(digest, [0])
        #expect(catalogue.touch(digest, at: 20) == nil, "it is not whole")
        #expect(!catalogue.remove(digest, unlessUsedAfter: 19))
    }

    @Test func `a blob that the disk does not let go stays in the catalogue, and goes at the next try`() async throws {
        let (place, layer) = (try Place(), FaultyFileLayer())
        try await place.process(on: layer) { node in
            let digest = try place.push([1, 2, 3], to: node, usedAt: 7).digest
            node.catalogue.setBad(digest, [0])
            layer.fail([.remove], with: EIO)
            #expect(throws: SystemError.self) { try node.remove(digest) }
            #expect(node.catalogue.entryOfAny(digest)?.usedAt == 7)
            #expect(node.catalogue.badPieces(of: digest) == [0])
            #expect(node.catalogue.figures.blobs == 1 && node.catalogue.figures.bytes == 3)
            layer.heal()
            #expect(try !node.remove(digest, unlessUsedAfter: 6.5))
            let lease = node.catalogue.reserve(digest)
            #expect(try !node.remove(digest))
            withExtendedLifetime(lease) {}
        }
        try await place.process { node in
            let digest = SHA256.digest([1, 2, 3])
            let wasThere = try node.remove(digest)
            #expect(wasThere)
            #expect(node.catalogue.figures.blobs == 0)
            #expect(try node.directory.size(of: digest) == nil)
            #expect(try !node.remove(digest))
        }
    }

    @Test func `a blob with a wrong piece is not here as a whole, until it is pushed again`() {
        let (catalogue, digest) = (BlobCatalogue(), SHA256.digest([1]))
        catalogue.add(digest, nil, usedAt: 5)
        catalogue.setBad(digest, [3])
        #expect(catalogue.entry(of: digest) == nil && catalogue.entryOfAny(digest) != nil)
        #expect(catalogue.badPieces(of: digest) == [3])
        catalogue.add(digest, nil, usedAt: 6)
        #expect(catalogue.entry(of: digest) != nil && catalogue.badBlobs.isEmpty)
    }
}

extension BlobDirectory {
    fileprivate static func infoPath(_ digest: SHA256Digest, in path: String) -> String {
        "\(path)/info/\(digest.hex.prefix(2))/\(digest.hex.dropFirst(2).prefix(2))/\(digest.hex)"
    }
}
