import Synchronization

/// Messages from other threads to the library: paths to examine, and digests. Bounded: too many paths become one
/// request for a full scan.
final class LibraryInbox: Sendable {
    struct Contents {
        /// Paths at which something happened. True: a file there was closed after writing or moved in, so it is
        /// complete.
        var looks: [AbsolutePath: Bool] = [:]
        /// Events were lost: everything must be scanned.
        var needsScan = false
        /// Whether some directories are not watched; nil: unchanged.
        var isLimited: Bool?
        var hashed: [(item: HashItem, result: Result<HashedFile, HashFailure>)] = []
    }

    private static let mostLooks = 100_000
    private let contents = Mutex(Contents())
    private let wake: AsyncStream<Void>.Continuation
    /// Yields when there is something new. For one reader.
    let arrivals: AsyncStream<Void>

    init() {
        (arrivals, wake) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    func look(_ path: AbsolutePath, isWhole: Bool) {
        contents.withLock { contents in
            contents.looks[path] = contents.looks[path] == true || isWhole
            if contents.looks.count > Self.mostLooks {
                contents.looks = [:]
                contents.needsScan = true
            }
        }
        wake.yield()
    }

    func scan() {
        contents.withLock { $0.needsScan = true }
        wake.yield()
    }

    func limited(_ isLimited: Bool) {
        contents.withLock { $0.isLimited = isLimited }
        wake.yield()
    }

    func hashed(_ item: HashItem, _ result: Result<HashedFile, HashFailure>) {
        contents.withLock { $0.hashed.append((item, result)) }
        wake.yield()
    }

    func drain() -> Contents {
        contents.withLock { contents in
            let taken = contents
            contents = Contents()
            return taken
        }
    }

    var isEmpty: Bool {
        contents.withLock { $0.looks.isEmpty && !$0.needsScan && $0.isLimited == nil && $0.hashed.isEmpty }
    }

    /// Wakes the reader.
    func poke() { wake.yield() }

    func finish() { wake.finish() }
}
