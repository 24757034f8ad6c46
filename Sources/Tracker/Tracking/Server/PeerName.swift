/// A peer id (BEP 3's `peer_id`): 20 bytes, inline.
public struct PeerName: Hashable, Sendable {
    public static let byteCount = 20

    // In wire order, not as numbers: they are only compared and copied.
    public let first: UInt64
    public let second: UInt64
    public let third: UInt32

    /// Reads 20 bytes at `bytes`. The caller has checked that they are there.
    @inlinable
    public init(loading bytes: UnsafeRawPointer) {
        first = bytes.loadUnaligned(as: UInt64.self)
        second = bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
        third = bytes.loadUnaligned(fromByteOffset: 16, as: UInt32.self)
    }

    package init(first: UInt64, second: UInt64, third: UInt32) {
        self.first = first
        self.second = second
        self.third = third
    }

    public static let zero = PeerName(first: 0, second: 0, third: 0)

    /// Nil unless there are exactly 20 bytes.
    public init?(bytes: some Collection<UInt8>) {
        guard bytes.count == PeerName.byteCount else { return nil }
        let copy = Array(bytes)
        guard let name = copy.withUnsafeBytes({ $0.baseAddress.map(PeerName.init(loading:)) }) else { return nil }
        self = name
    }

    /// Writes the 20 bytes to `target`, which must have room for them.
    @inlinable
    public func store(to target: UnsafeMutableRawPointer) {
        target.storeBytes(of: first, as: UInt64.self)
        target.storeBytes(of: second, toByteOffset: 8, as: UInt64.self)
        target.storeBytes(of: third, toByteOffset: 16, as: UInt32.self)
    }
}
