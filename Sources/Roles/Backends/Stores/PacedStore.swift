import Synchronization

/// A back end whose data rates are limited. Reads are slowed to the rate. An upload waits until the rate allows the whole
/// file, and then runs at full speed, as Kraken's do.
package struct PacedStore: BackendStore {
    private let store: any BackendStore
    private let sent: Pace?
    private let received: Pace?

    /// - Parameters:
    ///   - sent: the limit for uploads, in bytes a second; nil for no limit.
    ///   - received: the limit for reads, likewise.
    package init(_ store: any BackendStore, sent: Int64?, received: Int64?) {
        self.store = store
        self.sent = sent.map { Pace(rate: $0) }
        self.received = received.map { Pace(rate: $0) }
    }

    package var isWritable: Bool { store.isWritable }
    /// The same as without a limit, because queued tasks identify their back end by it.
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

/// A data rate in one direction, shared by all operations of a back end.
private final class Pace: Sendable {
    /// Bytes a second.
    private let rate: Double
    /// The time at which the bytes that were let through have used up the rate.
    private let isFreeAt = Mutex(ContinuousClock.now)

    init(rate: Int64) { self.rate = Double(max(1, rate)) }

    /// Waits until the rate allows these bytes.
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
