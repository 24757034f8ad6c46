import Synchronization

/// Counts open streams.
final class Followers: Sendable {
    /// A stream's place. It is free again when nothing refers to it any more: also if the client goes away before the
    /// first byte.
    final class Place: Sendable {
        private let followers: Followers

        fileprivate init(_ followers: Followers) { self.followers = followers }

        deinit { followers.count.withLock { $0 -= 1 } }
    }

    private let count = Mutex(0)

    var open: Int { count.withLock { $0 } }

    /// - Returns: nil if so many streams are open.
    func enter(most: Int) -> Place? {
        let hasRoom = count.withLock { count in
            guard count < most else { return false }
            count += 1
            return true
        }
        return hasRoom ? Place(self) : nil
    }
}
