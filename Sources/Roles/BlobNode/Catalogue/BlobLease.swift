/// A use of a blob. The blob is not evicted while one of its leases exists.
package final class BlobLease: Sendable {
    private let release: @Sendable () -> Void

    init(release: @escaping @Sendable () -> Void) { self.release = release }
    deinit { release() }
}
