import Reactor

/// Something that lives on one event loop, on its way between threads and actors.
///
/// Safe as `@unchecked Sendable`: a process may have several loops, and whoever opens the wrapper elsewhere than on its own
/// is stopped.
struct LoopBound<Value>: @unchecked Sendable {
    private let bound: Value
    private let loop: EventLoop

    init(_ value: Value, on loop: EventLoop) {
        bound = value
        self.loop = loop
    }

    /// On the loop.
    var value: Value {
        loop.checkIsolated()
        return bound
    }
}
