import Agent
import Foundation
import Hashing
import JSON
import Metainfo
import Registry
import RegistryWatch
import Synchronization
import TestSupport
import Testing
import Text

/// Plays a registry with one tag, whose index says that it was put, and what it means when the test lets it.
private final class OneTag: Sendable {
    enum Answer: Sendable {
        /// What the tag meant before; at once, or after ``release()``.
        case old, oldLater
        /// What it means since it was put; at once, or after a second.
        case new, newSlowly
        case never
    }

    static let oldFile: [UInt8] = [1]
    static let newFile: [UInt8] = [2]

    let reference: Reference
    private let oldManifest: [UInt8]
    private let newManifest: [UInt8]
    private let answers: [Answer]
    private let epoch = WatchID.random()
    private let gate = DispatchSemaphore(value: 0)
    private let counts = Mutex(Counts())

    private struct Counts {
        var questions = 0
        var watches = 0
    }

    /// - Parameter answers: to the questions what the tag means, the last one to all further ones.
    init(_ answers: [Answer]) throws {
        self.answers = answers
        reference = try #require(Reference("team/app:latest"))
        oldManifest = try Self.manifest(Self.oldFile)
        newManifest = try Self.manifest(Self.newFile)
    }

    var old: BlobDigest { BlobDigest(SHA256.digest(oldManifest)) }
    var new: BlobDigest { BlobDigest(SHA256.digest(newManifest)) }
    /// Questions so far what the tag means.
    var questions: Int { counts.withLock { $0.questions } }

    func release() { gate.signal() }

    func steps(_ head: String) -> [RawServer.Step] {
        if head.hasPrefix("GET /v1/cluster") { return Self.send(Self.cluster(head)) }
        if head.hasPrefix("GET /v1/watch?") { return watch() }
        if head.hasPrefix("GET /v1/resolve/") { return resolve() }
        return [.send("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")]
    }

    /// The second watch hears that the tag was put.
    private func watch() -> [RawServer.Step] {
        let number = counts.withLock { counts in
            counts.watches += 1
            return counts.watches
        }
        if number > 2 { return [.hang] }
        let events = number == 2 ? [WatchEvent.tagged(reference, new).json] : []
        return Self.send([
            "epoch": .string(epoch), "last": .integer(Int64(events.count)), "gap": .bool(false),
            "events": .array(events), "time": .null,
        ])
    }

    private func resolve() -> [RawServer.Step] {
        let number = counts.withLock { counts in
            counts.questions += 1
            return counts.questions
        }
        switch answers[min(number, answers.count) - 1] {
        case .old: return Self.send(Self.reply(oldManifest, Self.oldFile))
        case .oldLater:
            _ = gate.wait(timeout: .now() + 60)
            return Self.send(Self.reply(oldManifest, Self.oldFile))
        case .new: return Self.send(Self.reply(newManifest, Self.newFile))
        case .newSlowly: return [.pause(.seconds(1))] + Self.send(Self.reply(newManifest, Self.newFile))
        case .never: return [.hang]
        }
    }

    private static func manifest(_ file: [UInt8]) throws -> [UInt8] {
        FilesManifest.make([
            .init(
                path: try SafePath("a"), digest: BlobDigest(SHA256.digest(file)), size: Int64(file.count),
                isExecutable: false)
        ])
    }

    /// As an index answers: small blobs are in it.
    private static func reply(_ manifest: [UInt8], _ file: [UInt8]) -> JSONValue {
        let digest = JSONValue.string("\(BlobDigest(SHA256.digest(manifest)))")
        let blobs = [FilesManifest.emptyConfig, file].map { bytes -> JSONValue in
            [
                "digest": .string("\(BlobDigest(SHA256.digest(bytes)))"), "size": .integer(Int64(bytes.count)),
                "content": .string(Base64.encode(bytes)),
            ]
        }
        return [
            "digest": digest, "mutable": .bool(true),
            "manifests": [["digest": digest, "text": .string(String(decoding: manifest, as: UTF8.self))]],
            "blobs": .array(blobs),
        ]
    }

    private static func cluster(_ head: String) -> JSONValue {
        let line = head.split(separator: "\r\n").first { $0.lowercased().hasPrefix("host:") }
        let host = String(line ?? "").dropFirst(5).filter { $0 != " " }
        return ["origins": [], "trackers": [], "indexes": [.string("http://\(host)")]]
    }

    private static func send(_ value: JSONValue) -> [RawServer.Step] {
        let body = value.encode()
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: \(body.count)\r\n\r\n"
        return [.send(head), .bytes(body)]
    }
}

@Suite(.serialized) struct `A followed tag that was put` {
    /// Runs an agent of the played registry.
    private static func run(
        _ tag: OneTag, hush: Hush = Hush(), _ body: (TestAgent) async throws -> Void
    ) async throws {
        try await RawServer.with({ head, _ in tag.steps(head) }) { server in
            defer { tag.release() }
            let url = try #require(HTTPURL(server.url("")))
            try await TestRegistry.run { registry in
                try await TestAgent.run(registry, at: url, hush: hush) { agent in try await body(agent) }
            }
        }
    }

    private static func watch(_ agent: TestAgent) async throws -> IndexWatch {
        let watch = IndexWatch(
            agent.agent, pulls: PullTable(agent.agent), follow: try NamePatterns(["team/.*"]), site: "", logger: quiet)
        await watch.start()
        return watch
    }

    private static func waitForNew(_ agent: TestAgent) async throws {
        let file = SHA256.digest(OneTag.newFile)
        try await wait(for: "the new content") { agent.agent.followed.blobs.contains(file) }
    }

    @Test func `is asked about anew, and the answer to an earlier question changes nothing afterwards`() async throws {
        let tag = try OneTag([.oldLater, .new, .never])
        try await Self.run(tag, hush: Hush(first: .milliseconds(500))) { agent in
            let earlier = Task { try await agent.agent.resolve(tag.reference) }
            try await wait(for: "the earlier question") { tag.questions == 1 }
            let watch = try await Self.watch(agent)
            defer { watch.stop() }
            try await Self.waitForNew(agent)
            tag.release()
            #expect(try await earlier.value.digest == tag.old)
            // The index is silent now: the agent answers with what it knows.
            #expect(try await agent.agent.resolve(tag.reference).digest == tag.new)
        }
    }

    @Test func `does not mean what the agent knew before, while its index is slow to answer`() async throws {
        let tag = try OneTag([.old, .newSlowly])
        try await Self.run(tag, hush: Hush(first: .milliseconds(200))) { agent in
            _ = try await agent.agent.resolve(tag.reference)
            let watch = try await Self.watch(agent)
            defer { watch.stop() }
            try await Self.waitForNew(agent)
        }
    }

    @Test func `is asked about again when an index still answers with what it meant before`() async throws {
        let tag = try OneTag([.old, .new])
        try await Self.run(tag) { agent in
            let watch = try await Self.watch(agent)
            defer { watch.stop() }
            try await Self.waitForNew(agent)
        }
    }
}
