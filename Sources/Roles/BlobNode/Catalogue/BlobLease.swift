/// Somebody's use of a blob: while there is one, the blob is not evicted.
package final class BlobLease: Sendable {
    private let release: @Sendable () -> Void

    init(release: @escaping @Sendable () -> Void) { self.release = release }
    deinit { release() }
}
