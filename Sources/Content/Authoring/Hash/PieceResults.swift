/// One value for each piece, written by the threads that hash them and read when they have ended.
final class PieceResults<Value: BitwiseCopyable & Sendable>: @unchecked Sendable {
    // Safe to share: each piece is given to one thread only, so no two write the same element, and the values are read
    // after the threads were joined. Nothing writes outside 0..<count.
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
