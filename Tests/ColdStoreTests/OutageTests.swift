import Backends
import ColdStore
import Files
import NIOCore
import Registry
import Synchronization
import TestSupport
import Testing

/// Time that passes when a test says so.
private final class VirtualTime: Sendable {
    private struct Sleeper {
        let until: Double
        let continuation: CheckedContinuation<Void, Never>
    }

    private struct State {
        var now = 1_000_000.0
        var sleepers: [Int: Sleeper] = [:]
        var cancelled: Set<Int> = []
        var last = 0
    }

    private let state = Mutex(State())

    var now: Double { state.withLock(\.now) }
    var clock: ColdClock { ColdClock(now: { self.now }, sleep: { await self.sleep($0) }) }

    private func sleep(_ seconds: Double) async {
        let number = state.withLock { state in
            state.last += 1
            return state.last
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isOver = state.withLock { state in
                    guard !state.cancelled.contains(number) else { return true }
                    state.sleepers[number] = Sleeper(until: state.now + seconds, continuation: continuation)
                    return false
                }
                if isOver { continuation.resume() }
            }
        } onCancel: {
            state.withLock { state in
                state.cancelled.insert(number)
                return state.sleepers.removeValue(forKey: number)?.continuation
            }?.resume()
        }
    }

    /// Goes to the next time that somebody waits for, but not beyond `end`.
    func step(to end: Double) {
        let due = state.withLock { state -> [CheckedContinuation<Void, Never>] in
            guard let next = state.sleepers.values.map(\.until).min(), next <= end else { return [] }
            state.now = max(state.now, next)
            let ripe = state.sleepers.filter { $0.value.until <= state.now }
            for number in ripe.keys { state.sleepers[number] = nil }
            return ripe.values.map(\.continuation)
        }
        for continuation in due { continuation.resume() }
    }

    /// Lets time pass until then; whoever waits has room to do what it waited for.
    func pass(_ seconds: Double) async throws {
        let end = now + seconds
        var quiet = 0
        while quiet < 20 {
            let before = now
            step(to: end)
            quiet = now == before ? quiet + 1 : 0
            try await Task.sleep(for: .milliseconds(1))
        }
        state.withLock { $0.now = max($0.now, end) }
    }
}

/// A back end that answers 503, or slowly.
private final class TroubledStore: BackendStore {
    struct State {
        var files: [String: Int64] = [:]
        var isDown = true
        var asked = 0
        /// Uploads stay as long as this is true.
        var isHeld = false
    }

    let state = Mutex(State())
    var isWritable: Bool { true }
    var description: String { "troubled" }

    private func checked() throws(BackendProblem) {
        let isDown = state.withLock { state in
            state.asked += 1
            return state.isDown
        }
        if isDown { throw BackendProblem(.unavailable, "status 503", retryAfter: 20) }
    }

    func size(of path: BackendPath) async throws(BackendProblem) -> Int64? {
        try checked()
        return state.withLock { $0.files[path.text] }
    }

    nonisolated(nonsending) func read(
        _ path: BackendPath, size: Int64, range: Range<Int64>, into sink: BackendSink
    ) async throws(BackendProblem) {
        throw BackendProblem(.unavailable, "status 503")
    }

    func upload(file: String, to path: BackendPath) async throws(BackendProblem) {
        try checked()
        while state.withLock(\.isHeld) {
            do { try await Task.sleep(for: .milliseconds(2)) } catch { throw BackendProblem(.cancelled, "cancelled") }
        }
        guard let size = try? HeldFile(SystemPath(file)).status().size else {
            throw BackendProblem(.disk, "unreadable")
        }
        state.withLock { $0.files[path.text] = size }
    }

    func list(below directory: BackendPath?, _ body: ([String]) async -> Void) async throws(BackendProblem) {}
}

@Suite struct `A back end in trouble` {
    @Test func `that answers 503 for a day costs nothing, and the queue drains by itself`() async throws {
        let (time, store) = (VirtualTime(), TroubledStore())
        try await Host.with(store, ColdSettings(), clock: time.clock) { host in
            let name = try #require(Host.name)
            var digests: [BlobDigest] = []
            for number in 0..<30 {
                let digest = try host.push(randomBytes(1_000, seed: UInt64(number)))
                try await host.cold.writeBack.add(digest, for: name)
                digests.append(digest)
                if number % 10 == 9 { try await time.pass(28_800) }
            }
            #expect(try await host.cold.writeBack.figures().tasks == 30)
            // One attempt in five minutes at most, after those of the beginning.
            #expect(store.state.withLock(\.asked) < 400)
            for digest in digests { #expect(try await host.answer(digest, .content, 0) == .here) }
            store.state.withLock { $0.isDown = false }
            try await time.pass(600)
            try await eventually {
                time.step(to: .infinity)
                return try await host.isDrained()
            }
            #expect(digests.allSatisfy { digest in store.state.withLock { $0.files[digest.hex] == 1_000 } })
        }
    }

    @Test func `that is slow holds up no push and no read of what is here`() async throws {
        let store = TroubledStore()
        store.state.withLock { ($0.isDown, $0.isHeld) = (false, true) }
        try await Host.with(store) { host in
            let name = try #require(Host.name)
            for number in 0..<20 {
                let digest = try host.push(randomBytes(1_000, seed: UInt64(number)))
                try await host.cold.writeBack.add(digest, for: name)
                #expect(try await host.answer(digest, .content, 0) == .here)
            }
            #expect(try await host.cold.writeBack.figures().tasks == 20)
            store.state.withLock { $0.isHeld = false }
            try await eventually { try await host.isDrained() }
        }
    }
}
