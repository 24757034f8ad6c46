import Synchronization

/// Bytes that a process has sent to peers, added up on all of its loops.
final class SentBytes: Sendable {
    private let count = Atomic<Int64>(0)
    private let toOrigins = Atomic<Int64>(0)
    /// In parts of a copy: see ``unit``.
    private let parts = Atomic<Int64>(0)

    /// Parts of one copy of a content: few enough for many millions of copies, and enough for a block of a terabyte.
    private static let unit = Double(1 << 34)

    var value: Int64 { count.load(ordering: .relaxed) }
    /// Those of them that went to other origins of a registry.
    var valueToOrigins: Int64 { toOrigins.load(ordering: .relaxed) }
    /// Copies that were sent to peers other than origins: their bytes, over the size of the content that they are of.
    var copies: Double { Double(parts.load(ordering: .relaxed)) / Self.unit }

    /// - Parameter size: of the content that they are of.
    func add(_ bytes: Int, of size: Int64, toOrigin: Bool) {
        count.wrappingAdd(Int64(bytes), ordering: .relaxed)
        if toOrigin {
            toOrigins.wrappingAdd(Int64(bytes), ordering: .relaxed)
        } else if size > 0 {
            parts.wrappingAdd(Int64(Double(bytes) / Double(size) * Self.unit), ordering: .relaxed)
        }
    }
}
