import Synchronization

/// A back end that has its share of the line: bytes that are read come at a rate, and a file is sent when the rate has made room for all
/// of it, as Kraken does.
package struct PacedStore: BackendStore {
    private let store: any BackendStore
    private let sent: Pace?
    private let received: Pace?

    /// - Parameters:
    ///   - sent: bytes a second; nil for no limit.
    ///   - received: likewise.
    package init(_ store: any BackendStore, sent: Int64?, received: Int64?) {
        self.store = store
        self.sent = sent.map { Pace(rate: $0) }
        self.received = received.map { Pace(rate: $0) }
    }

    package var isWritable: Bool { store.isWritable }
    /// As without a rate: tasks name their back end by it.
    package var description: String { store.description }

    package func size(of path: BackendPath) async throws(BackendProblem) -> Int64? { try await store.size(of: path) }

    package nonisolated(nonsending) func read(
        _ path: BackendPath, size: Int64, range: Range<Int64>, into sink: BackendSink
    ) async throws(BackendProblem) {
        guard let received else { return try await store.read(path, size: size, range: range, into: sink) }
        try await store.read(path, size: size, range: range) { bytes, offset throws(BackendProblem) in
            try await received.pass(Int64(bytes.readableBytes))
            try await sink(bytes, offset)
        }
    }

    package func upload(file: String, to path: BackendPath) async throws(BackendProblem) {
        if let sent { try await sent.pass(try await FileParts.open(file).length) }
        try await store.upload(file: file, to: path)
    }

    package func list(
        below directory: BackendPath?, _ body: ([String]) async -> Void
    ) async throws(BackendProblem) {
        try await store.list(below: directory, body)
    }

    package func shutdown() async { await store.shutdown() }
}

/// So many bytes a second one way, shared by all that goes there.
private final class Pace: Sendable {
    /// Bytes a second.
    private let rate: Double
    /// When all that was let through so far has had its time.
    private let isFreeAt = Mutex(ContinuousClock.now)

    init(rate: Int64) { self.rate = Double(max(1, rate)) }

    /// Returns when these bytes have had their time.
    func pass(_ bytes: Int64) async throws(BackendProblem) {
        let end = isFreeAt.withLock { free in
            free = max(free, .now) + .seconds(Double(max(0, bytes)) / rate)
            return free
        }
        do { try await Task.sleep(until: end, clock: .continuous) } catch {
            throw BackendProblem(.cancelled, "cancelled")
        }
    }
}
