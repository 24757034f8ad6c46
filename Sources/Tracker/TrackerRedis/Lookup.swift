import Address
import Glibc
import Reactor
import Synchronization
import Threads

/// Finds the address of a host on a thread of its own: a name server may take its time, and the loop must not wait for it.
final class Lookup: Sendable {
    private struct State {
        var round = 0
        /// The outer optional: whether there is an answer that nobody took.
        var found: PeerAddress??
    }

    private let state = Mutex(State())

    /// Begins; the poller is woken when ``take()`` has something.
    func start(_ address: RedisAddress, _ poller: Poller) {
        if let numeric = PeerAddress(host: address.host, port: address.port) {
            state.withLock { $0.found = .some(numeric) }
            return poller.wake()
        }
        let round = state.withLock { state in
            state.round += 1
            state.found = nil
            return state.round
        }
        let isStarted = Threads.startDetached(name: "lookup") {
            let found = Self.resolve(address)
            self.state.withLock { if $0.round == round { $0.found = .some(found) } }
            poller.wake()
        }
        if !isStarted {
            state.withLock { $0.found = .some(nil) }
            poller.wake()
        }
    }

    func cancel() {
        state.withLock { state in
            state.round += 1
            state.found = nil
        }
    }

    /// What was found, once: the inner value is nil for an unknown name.
    func take() -> PeerAddress?? {
        state.withLock { state in
            defer { state.found = nil }
            return state.found
        }
    }

    private static func resolve(_ address: RedisAddress) -> PeerAddress? {
        var hints = addrinfo()
        hints.ai_socktype = CInt(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(address.host, String(address.port), &hints, &list) == 0 else { return nil }
        defer { freeaddrinfo(list) }
        var next = list
        while let entry = next {
            if let kernel = entry.pointee.ai_addr,
                [AF_INET, AF_INET6].contains(entry.pointee.ai_family)
            {
                return PeerAddress(kernel: UnsafeRawPointer(kernel))
            }
            next = entry.pointee.ai_next
        }
        return nil
    }
}
