/// The eight reserved bytes of a handshake, read as one big-endian number (BEP 4).
public struct ReservedBits: OptionSet, Sendable, Hashable {
    public let rawValue: UInt64

    public init(rawValue: UInt64) { self.rawValue = rawValue }

    /// Distributed hash table (BEP 5). Swoop never sets it.
    public static let dht = ReservedBits(rawValue: 0x01)
    /// Fast extension (BEP 6).
    public static let fast = ReservedBits(rawValue: 0x04)
    /// The sender can switch a v1 connection of a hybrid torrent to v2 (BEP 52).
    public static let v2 = ReservedBits(rawValue: 0x10)
    /// Extension protocol (BEP 10).
    public static let extensionProtocol = ReservedBits(rawValue: 0x10_0000)

    /// The bits that Swoop sets; `v2` is added for torrents that have a v2 half.
    public static let ours: ReservedBits = [.fast, .extensionProtocol]
}
