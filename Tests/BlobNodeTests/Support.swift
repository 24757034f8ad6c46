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

let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

/// A host with blobs that peers take.
struct Host {
    let node: BlobNode
    private let swarm: SwarmNode

    /// - Parameters:
    ///   - upload: bytes per second; nil for no limit.
    ///   - layer: that the directory of blobs is on.
    static func with(
        _ path: String, upload: Int? = nil, layer: any FileLayer = SystemFileLayer(),
        _ body: (Host) async throws -> Void
    ) async throws {
        let swarm = try SwarmNode(logger: quiet)
        var options = TransferOptions()
        options.listen = PeerAddress(host: "127.0.0.1", port: 0)
        options.uploadLimit = upload
        let node = BlobNode(
            directory: try BlobDirectory(path: path, layer: layer), swarm: swarm, options: options, logger: quiet)
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
