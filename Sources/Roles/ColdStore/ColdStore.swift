// ColdStore: the blobs of a host and its back ends.
//
// Purpose: what is pushed goes to the back end of its name, for as long as that takes and over restarts; what is asked for and
// is only there is read back, once. Must never: forget a task before the back end has the blob; show a blob whose bytes are not
// what its digest says; make a client wait without an end.

import Backends
import BlobNode
import Database
import Logging
import Registry
import Threads

/// The time as this target needs it; tests give their own.
package struct ColdClock: Sendable {
    /// Seconds since 1970: when a task is due is kept over restarts.
    package let now: @Sendable () -> Double
    /// Returns after so many seconds, or earlier when its task is cancelled.
    package let sleep: @Sendable (Double) async -> Void

    package init(now: @escaping @Sendable () -> Double, sleep: @escaping @Sendable (Double) async -> Void) {
        self.now = now
        self.sleep = sleep
    }

    package static let system = ColdClock(now: { Clocks.wallSeconds }) { seconds in
        try? await Task.sleep(for: .seconds(max(0.001, min(seconds, 86_400))))
    }
}

/// Limits and times.
package struct ColdSettings: Sendable {
    /// Blobs that are sent to back ends at a time.
    package var uploads = 4
    /// Blobs that are read from back ends at a time.
    package var reads = 4
    /// Ranges of one blob that are read at a time, and their length in bytes.
    package var ranges = 4
    package var rangeBytes: Int64 = 16 << 20
    /// Tries of a range that breaks off.
    package var rangeTries = 5
    /// When a task, a back end or a blob that failed is tried again.
    package var backoff = Backoff()
    /// Seconds that the next owner of a blob begins later.
    package var ownerPause = 600.0
    /// Bytes that stay free on the disk when a blob is read.
    package var spareBytes: Int64 = 64 << 20
    /// Bytes of the largest blob that is read; nil for no limit.
    package var largest: Int64?

    package init() {}
}

/// Write-back and cold reads of one host.
package final class ColdStore: Sendable {
    package let writeBack: WriteBack
    package let reads: ColdReads
    let backends: Backends

    private init(_ writeBack: WriteBack, _ reads: ColdReads, _ backends: Backends) {
        self.writeBack = writeBack
        self.reads = reads
        self.backends = backends
    }

    /// Opens the queue.
    /// - Parameter path: of the origin's database.
    package static func open(
        node: BlobNode, backends: Backends, path: String, settings: ColdSettings = ColdSettings(),
        clock: ColdClock = .system, logger: Logger
    ) async throws(DatabaseFileError) -> ColdStore {
        let writeBack = WriteBack(
            try await WriteBackStore.open(path), node: node, backends: backends, settings: settings, clock: clock,
            logger: logger)
        let reads = ColdReads(node: node, backends: backends, settings: settings, clock: clock, logger: logger)
        return ColdStore(writeBack, reads, backends)
    }

    package func start() async throws(DatabaseFileError) {
        await reads.start()
        try await writeBack.start()
    }

    package func stop() async {
        await writeBack.stop()
        await reads.stop()
        await backends.shutdown()
    }
}
