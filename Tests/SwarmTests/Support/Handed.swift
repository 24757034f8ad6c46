import Foundation
import Reactor

/// Something of a test that goes from one thread to another.
///
/// Safe as `@unchecked Sendable`: tests hand it on, and use it on one thread at a time.
struct Handed<Value>: @unchecked Sendable {
    let value: Value

    init(_ value: Value) { self.value = value }
}

/// Keeps a loop busy until it is let go, so that what others post to it gathers.
final class BusyLoop: Sendable {
    private let end = Handed(DispatchSemaphore(value: 0))
    let loop: EventLoop

    init(_ loop: EventLoop) async {
        self.loop = loop
        await withCheckedContinuation { started in
            loop.post { [end] in
                started.resume()
                end.value.wait()
            }
        }
    }

    func letGo() { end.value.signal() }

    deinit { letGo() }
}
