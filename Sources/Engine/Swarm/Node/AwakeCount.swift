import Synchronization

/// How many torrents of a shelf are awake on all loops of a process. May be used from any thread.
final class AwakeCount: Sendable {
    private let count = Mutex(0)

    var value: Int { count.withLock { $0 } }

    /// Changes the number on one loop: `body` is given the number on all, and says by how much it has changed. Nobody else
    /// changes it meanwhile.
    func change(_ body: (Int) -> Int) { count.withLock { $0 += body($0) } }
}
