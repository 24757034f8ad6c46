/// Something that lives on one event loop, on its way between actors whose executor that loop is.
///
/// Safe as `@unchecked Sendable`: all actors of a node have the same loop as their executor, so that whoever opens the
/// wrapper is on the loop.
struct LoopBound<Value>: @unchecked Sendable {
    let value: Value

    init(_ value: Value) { self.value = value }
}
