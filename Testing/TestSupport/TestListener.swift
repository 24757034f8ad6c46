import Foundation
import Synchronization

/// A blocking listening socket. The one who is done with it shuts it down; the thread that accepts closes it. Its number is
/// forgotten when it is closed, because the next socket of the process may get the same.
package final class TestListener: Sendable {
    private let descriptor: Mutex<CInt?>
    /// Where it listens: a port that the system chose, unless one was asked for.
    package let port: UInt16

    /// Takes over a socket that listens.
    package init(_ descriptor: CInt) {
        port = Loopback.port(of: descriptor)
        self.descriptor = Mutex(descriptor)
    }

    /// Listens on an address of loopback.
    /// - Parameter port: one that this test had before; 0 for one that the system chooses.
    package convenience init(host: String = "127.0.0.1", port: UInt16 = 0) throws {
        let descriptor = Loopback.socket()
        var one: CInt = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &one, socklen_t(MemoryLayout<CInt>.size))
        guard Loopback.bind(descriptor, host, port: port), listen(descriptor, 64) == 0 else {
            let number = errno
            Glibc.close(descriptor)
            throw SystemFailure("listen on \(host):\(port)", number)
        }
        self.init(descriptor)
    }

    deinit { close() }

    /// The next connection; nil when no more come. Only one thread calls this, and it calls `close` afterwards.
    package func accept() -> CInt? {
        guard let listener = descriptor.withLock(\.self) else { return nil }
        while true {
            let accepted = Glibc.accept(listener, nil, nil)
            if accepted >= 0 {
                // No program that another test starts is to hold it open.
                _ = fcntl(accepted, F_SETFD, FD_CLOEXEC)
                return accepted
            }
            guard errno == EINTR || errno == ECONNABORTED else { return nil }
        }
    }

    /// Wakes the thread that accepts.
    package func shutDown() { descriptor.withLock { if let number = $0 { _ = shutdown(number, CInt(SHUT_RDWR)) } } }

    package func close() {
        descriptor.withLock {
            if let number = $0 { _ = Glibc.close(number) }
            $0 = nil
        }
    }

    /// Accepts on a thread of its own until the listener is shut down, and gives each connection a thread that closes the
    /// connection when `serve` returns.
    package func serve(_ serve: @escaping @Sendable (CInt) -> Void) {
        Thread.detachNewThread { [self] in
            while let accepted = accept() {
                Thread.detachNewThread {
                    serve(accepted)
                    _ = Glibc.close(accepted)
                }
            }
            close()
        }
    }
}

/// Runs what blocks on a thread of its own, so that no thread of the cooperative pool waits.
package func onThread<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
        Thread.detachNewThread { continuation.resume(with: Result { try body() }) }
    }
}
