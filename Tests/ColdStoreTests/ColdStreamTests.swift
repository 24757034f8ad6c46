import Backends
import BlobNode
import ColdStore
import Hashing
import Metainfo
import Registry
import TestSupport
import Testing

/// A blob with its torrent beside it, as a write-back leaves both.
private func keep(_ bytes: [UInt8], in store: FakeStore, info: [UInt8]? = nil) throws -> BlobDigest {
    var hasher = BlobHasher(lengths: .standard, length: Int64(bytes.count))
    bytes.withUnsafeBytes { hasher.update($0) }
    let made = try hasher.finish().info()
    store.state.withLock {
        $0.files[made.digest.hex] = bytes
        $0.files[made.digest.hex + ".info"] = info ?? made.info.bytes
    }
    return BlobDigest(made.digest)
}

/// The torrent of a blob with a state of the chain that is none of its own.
private func forgedInfo(of bytes: [UInt8]) throws -> [UInt8] {
    var hasher = BlobHasher(lengths: .standard, length: Int64(bytes.count))
    bytes.withUnsafeBytes { hasher.update($0) }
    let info = try hasher.finish().info()
    var states = Array(info.chain.states)
    states[40] ^= 1
    return try BlobInfo(
        digest: info.digest, length: info.length, pieceLength: info.chain.pieceLength,
        pieces: Array(info.info.v1PieceHashes ?? []), states: states
    ).info.bytes
}

@Suite struct `A cold read with a torrent beside the blob` {
    private func torrent(of blob: BlobDigest, at host: Host, patience: Double = 10) async throws -> BlobInfo? {
        await host.cold.reads.torrent(of: blob, in: try #require(Host.name), patience: patience)
    }

    @Test func `gives each piece when it has come, and reads each byte once`() async throws {
        let store = FakeStore()
        let bytes = randomBytes(3_000_000)
        let blob = try keep(bytes, in: store)
        // Nothing beyond this comes for now.
        store.state.withLock { $0.heldFrom = 1_500_000 }
        try await Host.with(store) { host in
            let info = try #require(try await torrent(of: blob, at: host))
            #expect(info.digest == blob.sha256 && info.length == 3_000_000)
            let reading = try #require(await host.cold.reads.read(blob, 0..<3_000_000))
            let end = try #require(await reading.available(0..<3_000_000))
            #expect(end >= 256 << 10 && end <= 1_500_000)
            var first = [UInt8](repeating: 0, count: Int(end))
            let count = try first.withUnsafeMutableBytes { try reading.file.read(into: $0, at: 0) }
            let isRight = first == Array(bytes.prefix(Int(end)))
            #expect(count == Int(end) && isRight)
            #expect(host.node.catalogue.entry(of: blob.sha256) == nil)
            store.state.withLock { $0.heldFrom = nil }
            #expect(try await host.answer(blob) == .here)
            let isWhole = try host.content(blob) == bytes
            #expect(isWhole)
            #expect(try await torrent(of: blob, at: host) == nil)
            let reads = store.state.withLock { $0.reads }.filter { $0 != 0..<Int64(info.info.bytes.count) }
            #expect(reads.reduce(0) { $0 + $1.count } == 3_000_000, "\(reads)")
        }
    }

    @Test func `does not do so for a blob of one piece, nor without a torrent`() async throws {
        let store = FakeStore()
        let (small, bare) = (try keep(randomBytes(100_000), in: store), randomBytes(900_000))
        let blob = BlobDigest(SHA256.digest(bare))
        store.state.withLock { $0.files[blob.hex] = bare }
        try await Host.with(store) { host in
            for digest in [small, blob] {
                let found = try await torrent(of: digest, at: host)
                let answer = try await host.answer(digest)
                #expect(found == nil && answer == .here)
            }
        }
    }

    @Test func `of which the torrent is forged is read as a whole, and gets its own`() async throws {
        let store = FakeStore()
        let bytes = randomBytes(1_500_000)
        let blob = try keep(bytes, in: store, info: try forgedInfo(of: bytes))
        try await Host.with(store) { host in
            #expect(try await host.answer(blob) == .here)
            let isWhole = try host.content(blob) == bytes
            #expect(isWhole)
            let info = try #require(try host.node.info(of: blob.sha256))
            let forged = try forgedInfo(of: bytes)
            #expect(info.info.bytes != forged)
        }
    }

    @Test func `of which a byte is wrong is refused`() async throws {
        let store = FakeStore()
        let bytes = randomBytes(1_500_000)
        let blob = try keep(bytes, in: store)
        store.state.withLock { $0.files[blob.hex]?[700_000] ^= 1 }
        try await Host.with(store) { host in
            guard case .failed(let problem, _) = try await host.answer(blob) else {
                Issue.record("it was taken")
                return
            }
            #expect(problem.kind == .wrong)
            #expect(host.node.catalogue.entry(of: blob.sha256) == nil && host.directory.names("data/downloads").isEmpty)
        }
    }

    @Test func `goes on where the back end broke off`() async throws {
        let store = FakeStore()
        let bytes = randomBytes(1_500_000)
        let blob = try keep(bytes, in: store)
        try await Host.with(store) { host in
            store.state.withLock { $0.heldFrom = 600_000 }
            let reading = Task {
                _ = try await torrent(of: blob, at: host)
                return await host.cold.reads.read(blob, 0..<1_500_000)
            }
            let found = try #require(try await reading.value)
            // Those that wait now break off.
            store.state.withLock { ($0.isBreaking, $0.heldFrom) = (true, nil) }
            try await wait(for: "a break") { store.state.withLock { !$0.isBreaking } }
            #expect(try await host.answer(blob) == .here)
            #expect(await found.available(0..<1_500_000) == 1_500_000)
            let isWhole = try host.content(blob) == bytes
            #expect(isWhole)
        }
    }
}
