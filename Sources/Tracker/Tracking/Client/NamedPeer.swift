/// A peer with a host name instead of an address, which BEP 3 allows in the dictionary form. The name must be resolved.
public struct NamedPeer: Sendable, Hashable {
    public let host: String
    /// TCP port, not 0.
    public let port: UInt16

    /// Nil for an invalid host name (RFC 1123: letters, digits, hyphens and dots, up to 253 bytes; underscores are
    /// accepted too) and for port 0.
    public init?(host: String, port: UInt16) {
        guard port != 0, (1...253).contains(host.utf8.count), host.utf8.allSatisfy(NamedPeer.isNameByte),
            host.utf8.first != UInt8(ascii: "-"), host.utf8.first != UInt8(ascii: ".")
        else { return nil }
        self.host = host
        self.port = port
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"): true
        default: false
        }
    }
}
