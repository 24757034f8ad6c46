import Foundation
import Reactor
import Synchronization

/// A blocking listening socket that is shut down by whoever is done with it and closed by the thread that accepts from it.
/// Its number is forgotten when it is closed, because the next socket of the process may get the same.
final class TestListener: Sendable {
    private let descriptor: Mutex<CInt?>

    init(_ descriptor: CInt) { self.descriptor = Mutex(descriptor) }

    deinit { close() }

    /// 0 when it is closed.
    var port: UInt16 { descriptor.withLock { $0.flatMap { Socket.localAddress(of: $0)?.port } ?? 0 } }

    /// The next connection; nil when no more come. Only one thread calls this, and it calls `close` afterwards.
    func accept() -> CInt? {
        guard let listener = descriptor.withLock(\.self) else { return nil }
        while true {
            let accepted = Foundation.accept(listener, nil, nil)
            if accepted >= 0 { return accepted }
            guard errno == EINTR || errno == ECONNABORTED else { return nil }
        }
    }

    /// Wakes the thread that accepts.
    func shutDown() { descriptor.withLock { if let number = $0 { _ = shutdown(number, CInt(SHUT_RDWR)) } } }

    func close() {
        descriptor.withLock {
            if let number = $0 { _ = Foundation.close(number) }
            $0 = nil
        }
    }
}
