import NIOCore
import Synchronization

/// Collects the bytes of a range as they arrive.
final class CollectedBytes: Sendable {
    private let state = Mutex<[UInt8]>([])

    var bytes: [UInt8] { state.withLock { $0 } }

    func append(_ buffer: ByteBuffer) { state.withLock { $0 += buffer.readableBytesView } }
}
