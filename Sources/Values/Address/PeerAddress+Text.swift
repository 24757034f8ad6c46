import Glibc

extension PeerAddress: CustomStringConvertible {
    /// Parses `1.2.3.4:6881` or `[2001:db8::1]:6881`. Nil for host names, scope identifiers, missing ports and ports
    /// over 65,535.
    public init?(_ text: some StringProtocol) {
        guard let colon = text.lastIndex(of: ":"),
            let port = PeerAddress.decimalPort(text[text.index(after: colon)...])
        else { return nil }
        var host = text[..<colon]
        if host.first == "[" {
            guard host.last == "]", host.count > 2 else { return nil }
            host = host.dropFirst().dropLast()
            guard host.contains(":") else { return nil }
        } else if host.contains(":") {
            return nil
        }
        self.init(host: host, port: port)
    }

    /// Parses an address without brackets (`1.2.3.4`, `2001:db8::1`). Nil for anything else, including host names.
    public init?(host: some StringProtocol, port: UInt16) {
        guard host.utf8.count < 64, !host.utf8.contains(0) else { return nil }
        let text = String(host)
        if host.contains(":") {
            var address = in6_addr()
            guard inet_pton(AF_INET6, text, &address) == 1 else { return nil }
            self.init(addressBytes: withUnsafeBytes(of: address) { Array($0) }, port: port)
        } else {
            var address = in_addr()
            guard inet_pton(AF_INET, text, &address) == 1 else { return nil }
            self.init(ipv4: UInt32(bigEndian: address.s_addr), port: port)
        }
    }

    private static func decimalPort(_ text: some StringProtocol) -> UInt16? {
        guard (1...5).contains(text.utf8.count), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
            return nil
        }
        return UInt16(text)
    }

    /// The address without port or brackets; IPv6 in the form of RFC 5952.
    public var host: String {
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        let bytes = addressBytes
        _ = inet_ntop(family == .ipv4 ? AF_INET : AF_INET6, bytes, &text, socklen_t(text.count))
        return String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    public var description: String {
        family == .ipv4 ? "\(host):\(port)" : "[\(host)]:\(port)"
    }
}
