/// A value that lives on one event loop, passed between actors whose executor is that loop.
///
/// Safe as `@unchecked Sendable`: all actors of a node have the same loop as their executor, so the wrapper is opened
/// only on the loop.
struct LoopBound<Value>: @unchecked Sendable {
    let value: Value

    init(_ value: Value) { self.value = value }
}
