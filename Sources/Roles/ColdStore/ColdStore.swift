// ColdStore: moves blobs between a host and its back ends.
//
// Purpose: write-back, which uploads each pushed blob to the back end of its name and retries until that succeeds, over
// restarts; cold reads, which fetch a requested blob that only its back end has, once for any number of requests. Must
// never: forget a task before the back end has the blob; show a blob whose bytes do not have its digest; make a client wait
// without a limit.

import Backends
import BlobNode
import Database
import Logging
import Registry
import Threads

/// The clock of this module. Tests pass one of their own.
package struct ColdClock: Sendable {
    /// Seconds since 1970, since the times at which tasks are due are stored over restarts.
    package let now: @Sendable () -> Double
    /// Returns after a number of seconds, or earlier when the current task is cancelled.
    package let sleep: @Sendable (Double) async -> Void

    package init(now: @escaping @Sendable () -> Double, sleep: @escaping @Sendable (Double) async -> Void) {
        self.now = now
        self.sleep = sleep
    }

    package static let system = ColdClock(now: { Clocks.wallSeconds }) { seconds in
        try? await Task.sleep(for: .seconds(max(0.001, min(seconds, 86_400))))
    }
}

/// Limits and times of write-back and cold reads.
package struct ColdSettings: Sendable {
    /// The most blobs that are uploaded to one back end at a time.
    package var uploads = 4
    /// The most blobs that are read from one back end at a time.
    package var reads = 4
    /// The most ranges of one blob that are read at a time; `rangeBytes` is their length.
    package var ranges = 4
    package var rangeBytes: Int64 = 16 << 20
    /// Failures in a row, without a byte between them, after which a range is given up.
    package var rangeTries = 5
    /// The pauses before a task, a back end or a blob is tried again after a failure.
    package var backoff = Backoff()
    /// Seconds by which each further owner of a blob begins its upload later than the owner before it.
    package var ownerPause = 600.0
    /// Bytes to keep free on the disk when a blob is read.
    package var spareBytes: Int64 = 64 << 20
    /// The size in bytes of the largest blob that is read; nil for no limit.
    package var largest: Int64?

    package init() {}
}

/// Write-back and cold reads of one host.
package final class ColdStore: Sendable {
    package let writeBack: WriteBack
    package let reads: ColdReads
    let backends: Backends
    let readiness: BackendReadiness

    private init(_ writeBack: WriteBack, _ reads: ColdReads, _ backends: Backends, _ clock: ColdClock) {
        self.writeBack = writeBack
        self.reads = reads
        self.backends = backends
        readiness = BackendReadiness(backends.needed, clock: clock)
    }

    /// Opens the queue of uploads.
    /// - Parameter path: the path of the origin's database.
    package static func open(
        node: BlobNode, backends: Backends, path: String, settings: ColdSettings = ColdSettings(),
        clock: ColdClock = .system, logger: Logger
    ) async throws(DatabaseFileError) -> ColdStore {
        let writeBack = WriteBack(
            try await WriteBackStore.open(path), node: node, backends: backends, settings: settings, clock: clock,
            logger: logger)
        let reads = ColdReads(node: node, backends: backends, settings: settings, clock: clock, logger: logger)
        return ColdStore(writeBack, reads, backends, clock)
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
