import Address
import BlobNode
import Blobs
import Files
import Hashing
import Logging
import Metainfo
import Swarm
import TestSupport
import Testing

private let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

/// A host with blobs that peers take.
private struct Host {
    let node: BlobNode
    private let swarm: SwarmNode

    /// - Parameter upload: bytes per second; nil for no limit.
    static func with(_ path: String, upload: Int? = nil, _ body: (Host) async throws -> Void) async throws {
        let swarm = try SwarmNode(logger: quiet)
        var options = TransferOptions()
        options.listen = PeerAddress(host: "127.0.0.1", port: 0)
        options.uploadLimit = upload
        let node = BlobNode(
            directory: try BlobDirectory(path: path), swarm: swarm, options: options, logger: quiet)
        let result: Result<Void, any Error>
        do {
            try await node.start()
            result = .success(try await body(Host(node: node, swarm: swarm)))
        } catch {
            result = .failure(error)
        }
        await swarm.shutdown()
        await node.stop()
        try result.get()
    }

    /// Stores a blob as a push does, in place of one that is there.
    @discardableResult
    func push(_ bytes: [UInt8]) throws -> BlobInfo {
        let upload = try BlobUpload(in: node.directory)
        try upload.enter(at: nil)
        try bytes.withUnsafeBytes { try upload.append([$0]) }
        let blob = try upload.finish(SHA256.digest(bytes))
        node.catalogue.add(blob.digest, blob.info, usedAt: 1)
        return try #require(blob.info)
    }

    func content(_ digest: SHA256Digest) throws -> [UInt8]? {
        try node.directory.open(digest)?.readAll(limit: 64 << 20)
    }
}

@Suite struct `A blob that is replaced while a peer takes it` {
    @Test func `is given on from its new file, from the shelf and from where it came to`() async throws {
        let place = try TemporaryDirectory(inMemory: true)
        let bytes = randomBytes(3_000_000)
        try await Host.with(place.path("giver"), upload: 1_500_000) { giver in
            let info = try giver.push(bytes)
            let address = try #require(await giver.node.peerAddress)
            try await Host.with(place.path("first"), upload: 1_500_000) { first in
                let fetches = BlobFetches(first.node)
                let plan = BlobFetches.Plan(info: info, peers: [address], trackers: [])
                async let fetched: Void = fetches.fetch(plan)
                try await wait(for: "a first piece") { await fetches.progress(of: info.digest)?.done ?? 0 > 0 }
                try giver.push(bytes)
                try await fetched
                let isWhole = try first.content(info.digest) == bytes
                #expect(isWhole)
                // What has come is given on by the transfer that brought it.
                let own = try #require(await first.node.peerAddress)
                try await Host.with(place.path("second")) { second in
                    let others = BlobFetches(second.node)
                    async let copied: Void = others.fetch(BlobFetches.Plan(info: info, peers: [own], trackers: []))
                    try await wait(for: "a first piece") { await others.progress(of: info.digest)?.done ?? 0 > 0 }
                    try first.push(bytes)
                    try await copied
                    let isWhole = try second.content(info.digest) == bytes
                    #expect(isWhole)
                    await others.stop()
                }
                await fetches.stop()
            }
        }
    }
}
