import Files
import Foundation
import Registry
import RegistryClient
import RegistryTransfer
import Synchronization
import TestSupport
import Testing

/// Pushes and registries that are killed, uploads that others use, and what is left of them.
@Suite struct InterruptedPushTests {
    private let large = Bench.random(5_000_000)

    private func bench(
        _ fault: @escaping @Sendable (FakeRegistry.Request) -> FakeRegistry.Fault? = { _ in nil }
    ) throws -> Bench {
        try Bench.withTree(large, fault)
    }

    @Test func `an upload that breaks off goes on from what the registry has`() async throws {
        let bench = try bench { request in
            request.method == "PATCH" && request.number == 2 ? .breakRequest(after: 300_000) : nil
        }
        let outcome = try await bench.push("app")
        let files = try FilesManifest.files(of: try #require(try bench.registry.manifest("1")))
        let stored = bench.registry.state.withLock { $0.blobs["\(files[1].digest)"] }
        #expect(stored == large)
        // Nothing that the registry had was sent again.
        #expect(bench.registry.taken == large.count)
        #expect(outcome.figures.sent < outcome.bytes + 2 << 20)
    }

    @Test func `a push that was interrupted goes on with the same upload`() async throws {
        let isBroken = Mutex(true)
        let bench = try bench { request in
            guard request.method == "PATCH", request.number == 3 else { return nil }
            return isBroken.withLock { $0 } ? .breakRequest(after: 500_000) : nil
        }
        bench.limits.tries = 1
        await #expect(throws: PushError.self) { try await bench.push("app") }
        #expect(try bench.registry.manifest("1") == nil)
        isBroken.withLock { $0 = false }
        let begun = bench.registry.taken
        #expect(begun > 3_000_000)
        _ = try await bench.push("app")
        #expect(bench.registry.taken == large.count)
        #expect(bench.registry.log.count { $0.method == "POST" && $0.query.hasPrefix("size=") } == 1)
    }

    @Test func `pushes of one file at a time keep out of each other's uploads`() async throws {
        let isHeld = Mutex(false)
        let gate = DispatchSemaphore(value: 0)
        let bench = try bench { request in
            // The first push stops in the middle until the second has ended.
            if request.method == "PATCH", request.path.hasSuffix("/u1"), request.number == 2 {
                isHeld.withLock { $0 = true }
                _ = gate.wait(timeout: .now() + 20)
            }
            return nil
        }
        async let first = bench.push("app/large", "1")
        try await wait(for: "the middle of the first push") { isHeld.withLock { $0 } }
        _ = try await bench.push("app/large", "2")
        gate.signal()
        _ = try await first
        #expect(bench.registry.log.count { $0.method == "GET" && $0.path.contains("/uploads/") } == 0)
        #expect(bench.registry.taken == 2 * large.count)
    }

    @Test func `an upload that somebody else sends to is no refusal of the push`() async throws {
        let busy = #"{"errors":[{"code":"BLOB_UPLOAD_INVALID","message":"another request is sending to this upload"}]}"#
        let bench = try bench { request in
            request.method == "PATCH" ? .answer(409, body: busy) : nil
        }
        bench.limits.collisionSeconds = 0.01
        await #expect {
            try await bench.push("app/large")
        } throws: {
            guard case .registry(.refused(_, 409, "BLOB_UPLOAD_INVALID", _))? = $0 as? PushError else { return false }
            return true
        }
    }

    /// A push that was killed leaves its request behind for a while, and its last bytes come after the registry was asked.
    @Test(arguments: [409, 416])
    func `a push waits until the registry has done with an earlier request to its upload`(status: Int) async throws {
        let answer = #"{"errors":[{"code":"BLOB_UPLOAD_INVALID","message":"the upload goes on at byte 1"}]}"#
        let isBroken = Mutex(true)
        let refusals = Mutex(0)
        let bench = try bench { request in
            guard request.method == "PATCH" else { return nil }
            if isBroken.withLock({ $0 }) { return request.number == 2 ? .breakRequest(after: 10) : nil }
            return refusals.withLock {
                $0 += 1
                return $0
            } <= 4 ? .answer(status, body: answer) : nil
        }
        bench.limits.tries = 1
        await #expect(throws: PushError.self) { try await bench.push("app/large") }
        isBroken.withLock { $0 = false }
        _ = try await bench.push("app/large")
        #expect(bench.registry.taken == large.count)
        #expect(bench.registry.log.count { $0.method == "POST" && $0.query.hasPrefix("size=") } == 1)
    }

    /// The registry that starts again has only what was durable.
    @Test func `a push goes on after a registry that was away and has less of the upload`() async throws {
        let answer = #"{"errors":[{"code":"BLOB_UPLOAD_INVALID","message":"the upload goes on at byte 1"}]}"#
        let bench = try bench { request in
            switch (request.method, request.number) {
            case ("PATCH", 1...2): .answer(503)
            case ("PATCH", 3...4): .answer(416, body: answer)
            default: nil
            }
        }
        bench.limits.tries = 3
        _ = try await bench.push("app/large")
        #expect(bench.registry.taken == large.count)
        #expect(bench.registry.log.count { $0.method == "POST" && $0.query.hasPrefix("size=") } == 1)
    }

    /// What was confirmed and not yet durable is lost when a registry is killed.
    @Test func `a registry that lost the end of an upload gets that again when the upload is to end`() async throws {
        let answer = #"{"errors":[{"code":"BLOB_UPLOAD_INVALID","message":"the upload goes on at byte 4500000"}]}"#
        let registry = Mutex<FakeRegistry?>(nil)
        let bench = try bench { request in
            guard request.method == "PUT", request.path.contains("/uploads/"), request.number == 0 else { return nil }
            registry.withLock { $0 }?.state.withLock { state in
                for id in state.uploads.keys { state.uploads[id]?.removeLast(500_000) }
            }
            return .answer(416, body: answer)
        }
        registry.withLock { $0 = bench.registry }
        let outcome = try await bench.push("app/large")
        registry.withLock { $0 = nil }
        #expect(bench.registry.taken == large.count + 500_000)
        #expect(outcome.figures.sent <= Int64(large.count) + 500_000 + 1 << 20)
        #expect(bench.registry.log.count { $0.method == "POST" && $0.query.hasPrefix("size=") } == 1)
    }

    /// The registry may have the blob already, when a push that was killed has ended its upload.
    @Test(arguments: [false, true])
    func `a push that is killed sends no finished file again`(isAtItsEnd: Bool) async throws {
        let place = Mutex("")
        let isBroken = Mutex(true)
        let bench = try Bench { request in
            guard isBroken.withLock(\.self) else { return nil }
            let isDying =
                isAtItsEnd
                ? request.method == "PUT" && request.path.hasSuffix("/uploads/u2")
                : request.method == "PATCH" && request.path.hasSuffix("/u2") && request.number == 2
            guard isDying else { return nil }
            // What the push has remembered at this moment is what a killed one leaves.
            let work = place.withLock { $0 }
            try? FileManager.default.copyItem(atPath: work + "/cache", toPath: work + "/left")
            return .breakRequest(after: 0)
        }
        place.withLock { $0 = bench.work.path }
        try bench.work.write("app/one", large)
        try bench.work.write("app/two", Bench.random(5_000_000, seed: 2))
        try await wait(for: "times that tell") {
            Int64(Date.now.timeIntervalSince1970 * 1e9) - (try bench.work.changeTime("app/two")) > 100_000_000
        }
        (bench.limits.tries, bench.limits.atOnce) = (1, 1)
        await #expect(throws: PushError.self) { try await bench.push("app") }
        isBroken.withLock { $0 = false }
        TemporaryDirectory.remove(bench.work.path("cache"))
        try FileManager.default.moveItem(atPath: bench.work.path("left"), toPath: bench.work.path("cache"))
        _ = try await bench.push("app")
        #expect(bench.registry.taken == 2 * large.count)
        #expect(try bench.registry.manifest("1") != nil)
    }

    @Test func `a push that is killed twice sends no finished file again`() async throws {
        let place = Mutex("")
        let round = Mutex(1)
        let bench = try Bench { request in
            let now = round.withLock(\.self)
            // In the second file at first, then in the third.
            let isDying =
                now == 1 && request.method == "PATCH" && request.path.hasSuffix("/u2") && request.number == 2
                || now == 2 && request.method == "PATCH" && request.path.hasSuffix("/u3") && request.number == 2
            guard isDying else { return nil }
            let work = place.withLock { $0 }
            try? FileManager.default.copyItem(atPath: work + "/cache", toPath: work + "/left")
            return .breakRequest(after: 0)
        }
        place.withLock { $0 = bench.work.path }
        for number in 1...3 { try bench.work.write("app/\(number)", Bench.random(5_000_000, seed: UInt64(number))) }
        try await wait(for: "times that tell") {
            Int64(Date.now.timeIntervalSince1970 * 1e9) - (try bench.work.changeTime("app/3")) > 100_000_000
        }
        (bench.limits.tries, bench.limits.atOnce) = (1, 1)
        for _ in 0..<2 {
            await #expect(throws: PushError.self) { try await bench.push("app") }
            round.withLock { $0 += 1 }
            TemporaryDirectory.remove(bench.work.path("cache"))
            try FileManager.default.moveItem(atPath: bench.work.path("left"), toPath: bench.work.path("cache"))
        }
        _ = try await bench.push("app")
        #expect(bench.registry.taken == 3 * 5_000_000)
    }

    /// Its digest was computed because the registry had a file of that size.
    @Test func `an interrupted push of a file whose digest is known goes on with the same upload`() async throws {
        let isBroken = Mutex(true)
        let bench = try bench { request in
            guard request.method == "PATCH", request.path.hasSuffix("/u2"), request.number == 3 else { return nil }
            return isBroken.withLock { $0 } ? .breakRequest(after: 500_000) : nil
        }
        bench.limits.tries = 1
        _ = try await bench.push("app/large", "1")
        try bench.work.write("other/large", Bench.random(5_000_000, seed: 3))
        try await wait(for: "times that tell") {
            Int64(Date.now.timeIntervalSince1970 * 1e9) - (try bench.work.changeTime("other/large")) > 100_000_000
        }
        await #expect(throws: PushError.self) { try await bench.push("other/large", "2") }
        isBroken.withLock { $0 = false }
        _ = try await bench.push("other/large", "2")
        #expect(bench.registry.taken == 2 * large.count)
    }

    @Test func `a resumed push whose registry is away at the end loses nothing of its upload`() async throws {
        let isBroken = Mutex(true)
        let isAway = Mutex(true)
        let bench = try bench { request in
            if request.method == "PATCH", request.number == 3, isBroken.withLock(\.self) {
                return .breakRequest(after: 500_000)
            }
            if request.method == "PUT", request.path.contains("/uploads/"), isAway.withLock(\.self) {
                return .answer(503)
            }
            return nil
        }
        bench.limits.tries = 1
        await #expect(throws: PushError.self) { try await bench.push("app/large") }
        isBroken.withLock { $0 = false }
        bench.limits.tries = 2
        await #expect(throws: PushError.self) { try await bench.push("app/large") }
        isAway.withLock { $0 = false }
        _ = try await bench.push("app/large")
        #expect(bench.registry.taken == large.count)
    }

    @Test func `a push waits for the end of an upload that an earlier one has ended`() async throws {
        let busy = #"{"errors":[{"code":"BLOB_UPLOAD_INVALID","message":"another request is using this upload"}]}"#
        let bench = try bench { request in
            request.method == "PUT" && request.path.contains("/uploads/") && request.number < 3
                ? .answer(409, body: busy) : nil
        }
        _ = try await bench.push("app/large")
        #expect(bench.registry.taken == large.count)
    }

    @Test func `an upload that holds other bytes is begun anew`() async throws {
        let isBroken = Mutex(true)
        let bench = try bench { request in
            guard request.method == "PATCH", request.number == 2 else { return nil }
            return isBroken.withLock { $0 } ? .breakRequest(after: 10) : nil
        }
        bench.limits.tries = 1
        await #expect(throws: PushError.self) { try await bench.push("app") }
        isBroken.withLock { $0 = false }
        bench.registry.state.withLock { state in
            for id in state.uploads.keys { state.uploads[id]?[0] ^= 1 }
        }
        _ = try await bench.push("app")
        let files = try FilesManifest.files(of: try #require(try bench.registry.manifest("1")))
        #expect(bench.registry.state.withLock { $0.blobs["\(files[1].digest)"] } == large)
    }

    @Test func `a registry that lost the upload gets a new one`() async throws {
        let bench = try bench { request in
            request.method == "PATCH" && request.path.hasSuffix("/u1") && request.number == 1
                ? .answer(404, body: #"{"errors":[{"code":"BLOB_UPLOAD_UNKNOWN","message":"gone"}]}"#) : nil
        }
        bench.limits.atOnce = 1
        _ = try await bench.push("app/large")
        let files = try FilesManifest.files(of: try #require(try bench.registry.manifest("1")))
        #expect(bench.registry.state.withLock { $0.blobs["\(files[0].digest)"] } == large)
    }

    @Test func `a registry that confirms nothing of what it is sent is given up`() async throws {
        let bench = try bench { request in
            request.method == "PATCH" ? .answer(202, headers: ["Location": request.path, "Range": "0-0"]) : nil
        }
        bench.limits.tries = 2
        await #expect(throws: PushError.self) { try await bench.push("app/large") }
        #expect(bench.registry.log.count { $0.method == "PATCH" } == 2)
    }
}
