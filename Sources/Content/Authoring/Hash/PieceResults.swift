/// One value for each piece, written by the hashing threads and read after they have ended.
final class PieceResults<Value: BitwiseCopyable & Sendable>: @unchecked Sendable {
    // Safe to share: each piece is assigned to one thread only, so no two threads write the same element, and the
    // values are read after the threads were joined. Indices are always in 0..<count.
    private let values: UnsafeMutableBufferPointer<Value>

    init(repeating value: Value, count: Int) {
        values = .allocate(capacity: count)
        values.initialize(repeating: value)
    }

    deinit { values.deallocate() }

    func set(_ piece: Int, to value: Value) {
        guard values.indices.contains(piece) else { return }
        values[piece] = value
    }

    subscript(range: Range<Int>) -> [Value] { Array(values[range.clamped(to: values.indices)]) }

    var all: [Value] { Array(values) }

    func withUnsafeBytes<R>(_ body: (UnsafeRawBufferPointer) -> R) -> R { body(UnsafeRawBufferPointer(values)) }
}
