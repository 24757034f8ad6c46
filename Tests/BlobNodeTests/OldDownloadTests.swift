import BlobNode
import Blobs
import Foundation
import Hashing
import Metainfo
import TestSupport
import Testing

@Suite struct `Downloads that ended early` {
    private let place: TemporaryDirectory

    init() throws { place = try TemporaryDirectory(inMemory: true) }

    /// Makes the files of a download.
    private func leave(_ digest: SHA256Digest, changedAt seconds: Double) throws {
        let path = "host/downloads/\(digest.hex)"
        try place.makeDirectory(path)
        try place.write(path + "/data", randomBytes(100_000))
        try place.write(path + "/record", "record")
        for name in ["/data", "/record", ""] {
            try FileManager.default.setAttributes(
                [.modificationDate: Date(timeIntervalSince1970: seconds)], ofItemAtPath: place.path(path + name))
        }
    }

    private var left: Set<String> { Set(place.names("host/downloads")) }

    @Test func `are removed when they are old, and stay while they are young`() async throws {
        try await Host.with(place.path("host")) { host in
            let digests = (0..<3).map { SHA256.digest([UInt8($0)]) }
            try leave(digests[0], changedAt: 1_000)
            try leave(digests[1], changedAt: 3_000)
            try leave(digests[2], changedAt: 1_999)
            let removed = host.node.removeDownloads(unchangedSince: 2_000)
            #expect(removed.count == 2 && removed.bytes >= 200_000)
            #expect(left == [digests[1].hex])
        }
    }

    @Test func `that cannot be taken away do not count as removed`() async throws {
        try await Host.with(place.path("host")) { host in
            let digest = SHA256.digest([1])
            #expect(host.node.removeDownload(digest), "there is none")
            try leave(digest, changedAt: 1_000)
            // All names under which it could be set aside are taken.
            for number in 0..<16 { try place.makeDirectory("host/downloads/\(digest.hex).\(number).removed") }
            #expect(!host.node.removeDownload(digest))
            #expect(left.contains(digest.hex))
            #expect(host.node.removeDownloads(unchangedSince: 2_000).count == 1)
            #expect(left.isEmpty)
        }
    }

    @Test func `stay while somebody loads the blob, however old they are`() async throws {
        var hasher = BlobHasher()
        hasher.update(randomBytes(300_000))
        let info = try hasher.finish().info()
        try await Host.with(place.path("host")) { host in
            let fetches = BlobFetches(host.node)
            let fetched = Task { try? await fetches.fetch(BlobFetches.Plan(info: info, peers: [], trackers: [])) }
            try await wait(for: "the transfer") { await fetches.isServing(info.digest) }
            #expect(host.node.removeDownloads(unchangedSince: .infinity).count == 0)
            #expect(left == [info.digest.hex])
            fetched.cancel()
            await fetched.value
            await fetches.interrupt(info.digest)
            // What came of it is kept for the next fetch until it is old.
            #expect(left == [info.digest.hex])
            try await wait(for: "the end of its use") {
                host.node.removeDownloads(unchangedSince: .infinity).count == 1
            }
            #expect(left.isEmpty)
            await fetches.stop()
        }
    }
}
