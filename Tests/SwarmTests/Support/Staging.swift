import Foundation
import HTTPOrigin
import Metainfo
@testable import Swarm
import TestSupport

/// A place with staged content, and sources for it.
final class Staging: Sendable {
    let sample: Sample
    let place: TemporaryDirectory
    let client = WebSeedClient()
    let content: String

    init(_ sample: Sample) throws {
        self.sample = sample
        place = try TemporaryDirectory()
        content = place.path + "/staging"
    }

    /// The files as a server under `dcp/` has them.
    var served: [String: [UInt8]] {
        Dictionary(uniqueKeysWithValues: sample.files.map { ($0.key.isEmpty ? "dcp" : "dcp/\($0.key)", $0.value) })
    }

    func record(_ name: String) -> StagingPlace {
        StagingPlace(contentPath: content, recordPath: "\(place.path)/records/\(name)")
    }

    /// Indices of the files; of all but padding without paths.
    func files(_ paths: String...) -> Set<Int> {
        Set(
            sample.layout.files.indices.filter {
                let file = sample.layout.files[$0]
                return !file.isPadding && (paths.isEmpty || paths.contains(file.path.display))
            })
    }

    func size(_ files: Set<Int>) -> Int64 { files.reduce(0) { $0 + sample.layout.files[$1].length } }

    func plan(
        _ id: String, _ server: RangeServer, _ files: Set<Int>, isActive: Bool = true, rateLimit: Int? = nil
    ) throws -> RangeSourcePlan {
        guard let source = WebSeed(contentURL: server.url("dcp"), layout: sample.layout, client: client) else {
            throw TimedOut(description: "no URL")
        }
        return RangeSourcePlan(id: id, source: source, files: files, isActive: isActive, rateLimit: rateLimit)
    }

    func get(
        _ node: TestNode, _ plans: [RangeSourcePlan] = [], record name: String = "one",
        _ change: (inout TransferOptions) -> Void = { _ in }
    ) async throws -> WatchedTransfer {
        try await node.get(sample.torrent, into: "") {
            $0.staging = record(name)
            $0.usesPeers = false
            $0.rangeSources = plans
            change(&$0)
        }
    }

    /// Whether all files are at `path`, or those of these paths.
    func isThere(at path: String? = nil, only paths: Set<String>? = nil) -> Bool {
        let root = path ?? content
        return sample.files.allSatisfy { file, bytes in
            guard paths?.contains(file) ?? true else { return true }
            return FileManager.default.contents(atPath: file.isEmpty ? root : "\(root)/\(file)").map { [UInt8]($0) }
                == bytes
        }
    }

    /// Nodes for `body`, and the client's end.
    static func with(
        _ sample: Sample, nodes count: Int = 1, _ change: (inout SwarmNode.Configuration) -> Void = { _ in },
        _ body: (Staging, [TestNode]) async throws -> Void
    ) async throws {
        let staging = try Staging(sample)
        do {
            try await TestNode.with(count, change) { try await body(staging, $0) }
            await staging.client.shutdown()
        } catch {
            await staging.client.shutdown()
            throw error
        }
    }
}

extension WatchedTransfer {
    /// Bytes that were right at the start.
    var checked: Int64? {
        for case .checked(let have) in events { return have }
        return nil
    }

    func source(_ id: String) async -> SourceStatus { await transfer.status().sources[id] ?? SourceStatus() }

    func isExhausted(_ id: String) async -> Bool {
        if case .exhausted = await source(id).state { true } else { false }
    }
}
