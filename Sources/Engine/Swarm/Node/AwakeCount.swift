import Synchronization

/// How many torrents of a shelf are awake on all loops of a process, and what those gave that rest again. May be used from any
/// thread.
final class AwakeCount: Sendable {
    private let count = Mutex(0)

    var value: Int { count.withLock { $0 } }

    /// Changes the number on one loop: `body` is given the number on all, and says by how much it has changed. Nobody else
    /// changes it meanwhile.
    func change(_ body: (Int) -> Int) { count.withLock { $0 += body($0) } }

    private let given = Atomic<Int64>(0)
    /// Bytes of payload.
    var givenBytes: Int64 { given.load(ordering: .relaxed) }
    func gave(_ bytes: Int64) { given.wrappingAdd(bytes, ordering: .relaxed) }
}
