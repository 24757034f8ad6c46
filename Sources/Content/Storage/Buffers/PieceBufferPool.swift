import Glibc
import Synchronization

/// Memory for pieces that are being downloaded: bounded, reused, and returned to the system when it is not needed.
/// Thread-safe and non-blocking.
package final class PieceBufferPool: Sendable {
    /// Maximum bytes of all buffers together, 24 MiB by default. If no other buffer is in use, one is always granted,
    /// however large.
    package let capacity: Int
    private let state = Mutex(State())

    private struct Block {
        let address: UInt
        let length: Int
    }

    private struct State {
        var used = 0
        var idle: [Block] = []
        var idleBytes = 0
        /// Minimum of idle bytes since the last `trim`: these were not needed meanwhile.
        var idleLow = 0
    }

    package init(capacity: Int = 24 << 20) { self.capacity = max(0, capacity) }

    deinit {
        for block in state.withLock({ $0.idle }) { Self.unmap(block) }
    }

    /// A buffer of `length` bytes (1 or more), page-aligned, with undefined content; nil if the pool is used up or the
    /// system has no memory.
    package func take(length: Int) -> PieceBuffer? {
        let page = Self.pageSize
        guard length > 0, length <= Int.max - page else { return nil }
        let size = (length + page - 1) / page * page
        var surplus: [Block] = []
        var found: Block?
        let isGranted = state.withLock { state -> Bool in
            guard state.used == 0 || size <= capacity - state.used else { return false }
            state.used += size
            // The most recently used one: its pages are mapped and in the cache.
            if let index = state.idle.lastIndex(where: { $0.length == size }) {
                found = state.idle.remove(at: index)
                state.idleBytes -= size
            }
            // Idle blocks of other sizes are freed to make room.
            while state.idleBytes > 0, state.used + state.idleBytes > capacity {
                let block = state.idle.removeFirst()
                state.idleBytes -= block.length
                surplus.append(block)
            }
            state.idleLow = min(state.idleLow, state.idleBytes)
            return true
        }
        guard isGranted else { return nil }
        for block in surplus { Self.unmap(block) }
        guard let block = found ?? Self.map(size) else {
            state.withLock { $0.used -= size }
            return nil
        }
        guard let base = UnsafeMutableRawPointer(bitPattern: block.address) else { return nil }
        return PieceBuffer(base: base, count: length, capacity: size, pool: self)
    }

    fileprivate func giveBack(_ base: UnsafeMutableRawPointer, size: Int) {
        let block = Block(address: UInt(bitPattern: base), length: size)
        let isKept = state.withLock { state -> Bool in
            state.used -= size
            guard state.used + state.idleBytes + size <= capacity else { return false }
            state.idle.append(block)
            state.idleBytes += size
            return true
        }
        if !isKept { Self.unmap(block) }
    }

    /// Returns memory to the system that has been idle since the last call. Call every few seconds.
    package func trim() {
        let freed = state.withLock { state -> [Block] in
            var freed: [Block] = []
            var bytes = 0
            // The blocks that have been idle longest are at the front.
            while let block = state.idle.first, bytes + block.length <= state.idleLow {
                bytes += block.length
                freed.append(state.idle.removeFirst())
            }
            state.idleBytes -= bytes
            state.idleLow = state.idleBytes
            return freed
        }
        for block in freed { Self.unmap(block) }
    }

    /// Bytes in buffers that are in use.
    package var bytesInUse: Int { state.withLock { $0.used } }
    /// Bytes kept for reuse.
    package var bytesIdle: Int { state.withLock { $0.idleBytes } }

    private static let pageSize = max(4096, sysconf(Int32(_SC_PAGESIZE)))

    private static func map(_ size: Int) -> Block? {
        let memory = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        guard let memory, memory != MAP_FAILED else { return nil }
        return Block(address: UInt(bitPattern: memory), length: size)
    }

    private static func unmap(_ block: Block) {
        _ = munmap(UnsafeMutableRawPointer(bitPattern: block.address), block.length)
    }
}

/// Memory for one piece. Returned to its pool by `release()`, or at the latest when the object is released.
///
/// `@unchecked Sendable`: the memory has one owner at a time, which passes it on as a whole (from the event loop that
/// fills it to the thread that hashes and writes it, and back), and passing it on orders the accesses. Only
/// `isReleased` could be accessed by two threads, and is guarded.
package final class PieceBuffer: @unchecked Sendable {
    /// As many bytes as requested. Must not be used after `release()`.
    package let bytes: UnsafeMutableRawBufferPointer
    private let capacity: Int
    private let pool: PieceBufferPool
    private let isReleased = Atomic(false)

    fileprivate init(base: UnsafeMutableRawPointer, count: Int, capacity: Int, pool: PieceBufferPool) {
        bytes = UnsafeMutableRawBufferPointer(start: base, count: count)
        self.capacity = capacity
        self.pool = pool
    }

    deinit { release() }

    package var count: Int { bytes.count }

    /// Returns the memory. A second call does nothing.
    package func release() {
        guard !isReleased.exchange(true, ordering: .acquiringAndReleasing), let base = bytes.baseAddress else { return }
        pool.giveBack(base, size: capacity)
    }
}
