import Address
import Glibc
import Reactor
import Synchronization
import TestSupport
import Threads
import Tracking

/// Carries connections to a peer on, and can hold back or cut each when it has carried so much.
final class Relay: Sendable {
    enum Verdict: Sendable {
        case pass
        /// Nothing more comes from the peer for now.
        case hold
        /// Both sides see a reset.
        case cut
    }

    private struct State {
        var pairs: [(near: CInt, far: CInt)] = []
        var carried: [Int] = []
    }

    let address: PeerAddress
    private let listener: TestListener
    private let target: PeerAddress
    private let state = Mutex(State())
    private let judge: @Sendable (Int, [Int]) -> Verdict

    /// - Parameter judge: says what to do with what comes from the peer on a connection, by its number and the bytes
    ///   that each has carried from there so far. Asked again and again while it holds.
    init(to target: PeerAddress, judge: @escaping @Sendable (Int, [Int]) -> Verdict) throws {
        self.target = target
        self.judge = judge
        let listener = try TestListener()
        self.listener = listener
        address = PeerAddress(ipv4: 0x7f00_0001, port: listener.port)
        Threads.runDetached(name: "relay") { [weak self] in
            while let near = listener.accept() {
                if let self { take(near) } else { close(near) }
            }
            listener.close()
        }
    }

    /// Connections so far.
    var connections: Int { state.withLock { $0.pairs.count } }
    /// Bytes that each has carried from the peer.
    var carried: [Int] { state.withLock { $0.carried } }

    deinit {
        listener.shutDown()
        state.withLock { state in
            for pair in state.pairs {
                shutdown(pair.near, CInt(SHUT_RDWR))
                shutdown(pair.far, CInt(SHUT_RDWR))
            }
        }
    }

    private func take(_ near: CInt) {
        guard let far = try? Socket.connect(to: target, from: nil) else {
            close(near)
            return
        }
        // Little is on its way at a time, so that one that is held fills up soon.
        for descriptor in [near, far] {
            Socket.set(descriptor, SOL_SOCKET, SO_RCVBUF, 32_768)
            Socket.set(descriptor, SOL_SOCKET, SO_SNDBUF, 32_768)
        }
        var made = pollfd(fd: far, events: Int16(POLLOUT), revents: 0)
        poll(&made, 1, 10_000)
        _ = fcntl(far, F_SETFL, fcntl(far, F_GETFL) & ~O_NONBLOCK)
        guard Socket.error(of: far) == 0 else {
            close(near)
            close(far)
            return
        }
        let number = state.withLock { state in
            state.pairs.append((near, far))
            state.carried.append(0)
            return state.pairs.count - 1
        }
        Threads.runDetached(name: "relay-up") { Self.copy(near, far) }
        Threads.runDetached(name: "relay-down") { [weak self] in
            var bytes = [UInt8](repeating: 0, count: 16_384)
            while true {
                switch self?.verdict(number) {
                case .hold:
                    guard !Loopback.isClosed(near, within: 0.002) else { return }
                    continue
                case .cut:
                    self?.cut(number)
                    return
                case .pass: break
                case nil: return
                }
                let count = recv(far, &bytes, bytes.count, 0)
                guard count > 0, Loopback.send(near, bytes[..<count]) else {
                    shutdown(near, CInt(SHUT_WR))
                    return
                }
                self?.state.withLock { $0.carried[number] += count }
            }
        }
    }

    private func verdict(_ number: Int) -> Verdict { judge(number, carried) }

    private func cut(_ number: Int) {
        let pair = state.withLock { $0.pairs[number] }
        var abrupt = linger(l_onoff: 1, l_linger: 0)
        for descriptor in [pair.near, pair.far] {
            setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &abrupt, socklen_t(MemoryLayout<linger>.size))
            // Closes the connection with a reset, and keeps the descriptor.
            let nothing = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
            dup2(nothing, descriptor)
            close(nothing)
        }
    }

    private static func copy(_ from: CInt, _ to: CInt) {
        var bytes = [UInt8](repeating: 0, count: 16_384)
        while true {
            let count = recv(from, &bytes, bytes.count, 0)
            guard count > 0, Loopback.send(to, bytes[..<count]) else { break }
        }
        shutdown(to, CInt(SHUT_WR))
    }
}
