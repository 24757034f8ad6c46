import Foundation
import HTTPOrigin
import ObjectStore
import Synchronization
import TestSupport
import Testing

/// Runs `body` with a store and closes its connections afterwards.
@discardableResult
func withStore<Result>(
    _ address: ObjectStoreAddress, settings: ObjectStoreSettings = quickSettings,
    clock: @escaping @Sendable () -> Int64 = { Int64(Date().timeIntervalSince1970) },
    isolation: isolated (any Actor)? = #isolation, _ body: (ObjectStore) async throws -> Result
) async throws -> Result {
    let client = ObjectStoreClient(settings: settings, clock: clock) { http in
        // Names below localhost are the machine itself, which not every resolver knows.
        http.connectOverride["dcp.localhost"] = "127.0.0.1"
    }
    do {
        let result = try await body(ObjectStore(address: address, client: client))
        await client.shutdown()
        return result
    } catch {
        await client.shutdown()
        throw error
    }
}

/// The head of an answer.
func head(_ status: String, _ headers: String...) -> RawServer.Step {
    .send((["HTTP/1.1 \(status)"] + headers).joined(separator: "\r\n") + "\r\n\r\n")
}

/// A whole answer with a document.
func answer(_ status: String, _ body: String, _ headers: String...) -> [RawServer.Step] {
    let all = ["HTTP/1.1 \(status)", "Content-Length: \(body.utf8.count)"] + headers
    return [.send(all.joined(separator: "\r\n") + "\r\n\r\n" + body)]
}

func write(_ bytes: [UInt8], to path: String) throws { try Data(bytes).write(to: URL(fileURLWithPath: path)) }
func contents(_ path: String) throws -> [UInt8] { Array(try Data(contentsOf: URL(fileURLWithPath: path))) }

/// What `get` brings, all of it.
func getAll(_ store: ObjectStore, _ key: String, _ range: Range<Int64>? = nil) async throws -> [UInt8] {
    var bytes: [UInt8] = []
    try await store.get(key: key, range: range) { chunk in
        chunk.withUnsafeBytes { bytes += Array($0) }
        return true
    }
    return bytes
}

/// The kind of error that `body` ends with; nil when it succeeds.
func kind(
    isolation: isolated (any Actor)? = #isolation, _ body: () async throws -> Void
) async -> ObjectStoreError.Kind? {
    await failure(body)?.kind
}

func failure(
    isolation: isolated (any Actor)? = #isolation, _ body: () async throws -> Void
) async -> ObjectStoreError? {
    do {
        try await body()
        return nil
    } catch {
        if let error = error as? ObjectStoreError { return error }
        Issue.record("another error: \(error)")
        return nil
    }
}

/// The last value that was reported.
final class Latest<Value: Sendable>: Sendable {
    private let state = Mutex<[Value]>([])
    var all: [Value] { state.withLock { $0 } }
    func set(_ value: Value) { state.withLock { $0.append(value) } }
}
