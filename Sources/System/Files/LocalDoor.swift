import Glibc
import Synchronization

/// The places for connections at a UNIX socket that all users of the host may reach. No user takes more than half of them.
package final class LocalDoor: Sendable {
    private struct State {
        var all = 0
        var ofUser: [uid_t: Int] = [:]
    }

    private let most: Int
    private let state = Mutex(State())

    /// Seconds that a command may take to read what it is sent.
    private static let readWithin = 30

    /// - Parameter most: connections at a time.
    package init(most: Int) { self.most = most }

    /// Takes a place for an accepted connection, and limits the time that a write to it blocks.
    /// - Returns: the user for ``leave(_:)``; nil when there is no place, or the user is not known.
    package func enter(_ connection: Descriptor) -> uid_t? {
        guard let user = Self.user(of: connection) else { return nil }
        let isIn = state.withLock { state in
            let own = state.ofUser[user] ?? 0
            guard state.all < most, own < max(1, most / 2) else { return false }
            state.all += 1
            state.ofUser[user] = own + 1
            return true
        }
        guard isIn else { return nil }
        var time = timeval(tv_sec: Self.readWithin, tv_usec: 0)
        _ = setsockopt(connection, SOL_SOCKET, SO_SNDTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
        return user
    }

    package func leave(_ user: uid_t) {
        state.withLock { state in
            state.all -= 1
            let own = (state.ofUser[user] ?? 1) - 1
            state.ofUser[user] = own > 0 ? own : nil
        }
    }

    /// The user of the process at the other end, from the kernel (SO_PEERCRED).
    package static func user(of connection: Descriptor) -> uid_t? {
        // struct ucred: process, user, group.
        var credentials: (pid_t, uid_t, gid_t) = (0, uid_t.max, gid_t.max)
        var size = socklen_t(MemoryLayout.size(ofValue: credentials))
        guard getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &credentials, &size) == 0, credentials.1 != uid_t.max
        else { return nil }
        return credentials.1
    }
}
