// Address: hosts and ports as people write them, and what can be told from an address without I/O.

import Text

/// The address a server listens on: `127.0.0.1:8191`, `[::1]:8191`, or `:8191` for every address.
public struct ListenAddress: Sendable, Hashable, CustomStringConvertible {
    /// An IP address without brackets, or a host name; `0.0.0.0` for every address.
    public let host: String
    /// TCP port; 0 lets the operating system choose one.
    public let port: Int

    public init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    public init?(_ text: String) {
        let text = text.trimmingBlanks
        guard let colon = text.utf8.lastIndex(of: UInt8(ascii: ":")) else { return nil }
        let digits = text[text.index(after: colon)...]
        guard (1...5).contains(digits.utf8.count), digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            let port = Int(digits), port <= 65_535
        else { return nil }
        var host = String(text[..<colon])
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = String(host.dropFirst().dropLast())
        } else if host.utf8.contains(UInt8(ascii: ":")) {
            return nil
        }
        guard host.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: "/") }) else { return nil }
        self.host = host.isEmpty ? "0.0.0.0" : host
        self.port = port
    }

    /// Whether only this host can reach the address.
    public var isLoopback: Bool { HostName.isLoopback(host) }

    public var description: String { host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]:\(port)" : "\(host):\(port)" }
}
