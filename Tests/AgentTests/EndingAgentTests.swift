import Agent
import Files
import Foundation
import Hashing
import Registry
import RegistryTransfer
import Synchronization
import TestSupport
import Testing

/// Stands where an agent listens. Answers each command with lines of its own, and closes the connection: an agent that ends.
private final class EndingAgent: Sendable {
    private let listener: TestListener
    private let number = Mutex(0)

    /// Commands that have asked for a blob.
    var asked: Int { number.withLock { $0 } }

    /// - Parameter answer: the lines for a command, of which this is the number from 1 on.
    init(at path: String, _ answer: @escaping @Sendable (EndingAgent, Int) -> [String]) throws {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let descriptor = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        let isBound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
            }
        }
        guard isBound, listen(descriptor, 64) == 0 else { throw SystemFailure("listen at \(path)") }
        listener = TestListener(descriptor)
        listener.serve { [weak self] connection in
            var request: [UInt8] = []
            while request.last != 0x0a {
                // Some only look whether anybody listens.
                guard let part = Loopback.receive(connection), !part.isEmpty else { return }
                request += part
            }
            guard let self else { return }
            let number = number.withLock {
                $0 += 1
                return $0
            }
            for line in answer(self, number) { Loopback.send(connection, Array((line + "\n").utf8)) }
        }
    }

    /// No command can connect any more.
    func stop() { listener.shutDown() }

    static func done(_ bytes: Int) -> String { "{\"done\":\(bytes),\"total\":1000,\"peers\":1}" }
    static let failure = "{\"error\":\"no luck\",\"unknown\":false}"
}

/// What a fetch reported.
private final class Reports: Sendable {
    private let all = Mutex<[BlobProgress]>([])

    func add(_ report: BlobProgress) { all.withLock { $0.append(report) } }

    var received: Int {
        all.withLock { all in
            all.reduce(0) { sum, report in
                guard case .received(let count) = report else { return sum }
                return sum + count
            }
        }
    }

    var isWaiting: Bool {
        all.withLock { all in
            all.contains { report in
                guard case .waiting = report else { return false }
                return true
            }
        }
    }
}

@Suite struct `An agent that ends while it brings a blob` {
    private let place: TemporaryDirectory
    private let blob = WantedBlob(digest: BlobDigest(SHA256.digest([1])), size: 1000)

    init() throws { place = try TemporaryDirectory(inMemory: true) }

    private var socketPath: String { place.path("agent") }

    /// - Returns: the error with which the fetch ends.
    private func fetch(_ reports: Reports) async throws -> PullError? {
        let name = try #require(ContentName("team/app"))
        let source = try #require(AgentSource(path: socketPath, name: name, manifest: blob.digest))
        let file = try HeldFile.inMemory("blob", [])
        do throws(PullError) {
            try await source.fetch(blob, into: file) { reports.add($0) }
            return nil
        } catch { return error }
    }

    private func isRefused(_ error: PullError?) -> Bool {
        guard case .registry(.refused)? = error else { return false }
        return true
    }

    @Test func `is given up when it ends three times in a row without a further byte`() async throws {
        let agent = try EndingAgent(at: socketPath) { _, number in
            // Where the fetch does not give up, the agent does.
            number < 50 ? [EndingAgent.done(600)] : [EndingAgent.failure]
        }
        defer { agent.stop() }
        let reports = Reports()
        let error = try await fetch(reports)
        #expect(isRefused(error), "another source is asked then")
        #expect(agent.asked == 4 && reports.received == 600)
    }

    @Test func `is asked again as long as it brings something, and no byte counts twice`() async throws {
        let agent = try EndingAgent(at: socketPath) { _, number in
            // What it has not written to its disk is lost each time.
            let done = number * 100
            return [EndingAgent.done(done - 150), EndingAgent.done(done)]
                + (number < 8 ? [] : [EndingAgent.failure])
        }
        defer { agent.stop() }
        let reports = Reports()
        let error = try await fetch(reports)
        #expect(isRefused(error) && agent.asked == 8)
        #expect(reports.received == 800)
    }

    @Test func `is not waited for when the pull is cancelled`() async throws {
        let agent = try EndingAgent(at: socketPath) { agent, _ in
            agent.stop()
            return [EndingAgent.done(600)]
        }
        let reports = Reports()
        let pull = Task { try await fetch(reports) }
        try await wait(for: "the end of the agent") { reports.isWaiting }
        pull.cancel()
        let error = try await pull.value
        #expect(error == .cancelled)
        withExtendedLifetime(agent) {}
    }
}

@Suite struct `A fetch through an agent` {
    @Test func `of a blob that has just left the agent's cache is refused, as the registry has the blob`() async throws
    {
        let bytes = randomBytes(100_000)
        try await TestRegistry.run { registry in
            try await registry.push([("a", bytes)], as: "team/app:1")
            try await TestAgent.run(registry) { agent in
                #expect(try await agent.ask("/preload/tags/team/app:1").status == 200)
                let place = try TemporaryDirectory(inMemory: true)
                let door = try DescriptorDoor(agent.agent, path: place.path("agent"), logger: quiet)
                door.start()
                defer { door.stop() }
                let blob = WantedBlob(digest: BlobDigest(SHA256.digest(bytes)), size: Int64(bytes.count))
                #expect(agent.isCached(blob.digest))
                try FileManager.default.removeItem(atPath: agent.agent.node.directory.path(of: blob.digest.sha256))
                let name = try #require(ContentName("team/app"))
                let source = try #require(
                    AgentSource(path: place.path("agent"), name: name, manifest: blob.digest))
                let file = try HeldFile.inMemory("blob", [])
                await #expect {
                    try await source.fetch(blob, into: file) { _ in }
                } throws: {
                    guard case .registry(.refused)? = $0 as? PullError else { return false }
                    return true
                }
            }
        }
    }

    @Test func `gives an agent up that ends three times in a row without a further byte`() {
        var fetch = AgentFetch(size: 1000, patience: nil, now: 0)
        var done: Int64 = 0
        for _ in 0..<20 {
            done += 10
            #expect(fetch.progressed(to: done, now: 0) == 10)
            #expect(fetch.lost() == true)
        }
        for isWorthIt in [true, true, false] {
            // It reads again what it had.
            #expect(fetch.progressed(to: done - 5, now: 0) == 0)
            #expect(fetch.lost() == isWorthIt)
        }
    }

    @Test func `is as patient over all tries as over one`() {
        var fetch = AgentFetch(size: 1000, patience: 60, now: 0)
        #expect(fetch.end(ofWait: 300, now: 0) == 60)
        // It waited for a place.
        fetch.began(now: 50)
        #expect(!fetch.isOverdue(now: 110))
        #expect(fetch.progressed(to: 500, now: 100) == 500)
        #expect(fetch.lost() == true)
        #expect(fetch.end(ofWait: 10, now: 110) == 120)
        fetch.began(now: 120)
        #expect(fetch.progressed(to: 500, now: 155) == 0)
        #expect(fetch.end(ofWait: 10, now: 155) == 160)
        #expect(!fetch.isOverdue(now: 160) && fetch.isOverdue(now: 161))
        #expect(fetch.progressed(to: 501, now: 161) == 1)
        #expect(!fetch.isOverdue(now: 220))
    }

    @Test func `has no limit without patience`() {
        let fetch = AgentFetch(size: 1000, patience: nil, now: 0)
        #expect(!fetch.isOverdue(now: 1e9))
        #expect(fetch.end(ofWait: 10, now: 5) == 15)
    }

    @Test func `counts what came for it as received, also when the agent that is asked again has all of it`() {
        var fetch = AgentFetch(size: 1000, patience: nil, now: 0)
        #expect(fetch.finished(wasCached: true) == nil)
        #expect(fetch.progressed(to: 600, now: 0) == 600)
        #expect(fetch.lost() == true)
        #expect(fetch.finished(wasCached: true) == 400)
        // No agent has more than all.
        #expect(fetch.progressed(to: .max, now: 0) == 0)
    }

    @Test func `takes a refused connection as a loss only from an agent that was there`() {
        var fetch = AgentFetch(size: 1000, patience: nil, now: 0)
        #expect(!fetch.isLoss(ECONNREFUSED, hasBegun: false))
        for number in [ECONNRESET, EPIPE] {
            #expect(fetch.isLoss(number, hasBegun: true))
            // There was no place for it.
            #expect(!fetch.isLoss(number, hasBegun: false))
        }
        #expect(!fetch.isLoss(ETIMEDOUT, hasBegun: true), "an agent that hangs has not gone")
        #expect(fetch.lost() == true)
        #expect(fetch.isLoss(ECONNREFUSED, hasBegun: false))
    }
}
