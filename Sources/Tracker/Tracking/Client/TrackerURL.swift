/// A parsed tracker URL: `http`, `https` or `udp`, a host and a port.
public struct TrackerURL: Sendable, Hashable {
    public enum Scheme: String, Sendable, Hashable { case http, https, udp }

    public let scheme: Scheme
    /// A host name or IP address; IPv6 without brackets.
    public let host: String
    /// Defaults to 80 or 443 for HTTP; required for `udp`.
    public let port: UInt16
    /// Path and query, from `/` or `?` on, without a fragment; may be empty.
    public let pathAndQuery: String

    /// Maximum length of a URL, in bytes.
    public static let longest = 4_096

    /// Nil for other schemes, user names, bad ports, control characters and spaces, and URLs over `longest`.
    public init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard bytes.count <= TrackerURL.longest, bytes.allSatisfy({ $0 > 0x20 && $0 != 0x7f }),
            let colon = bytes.firstIndex(of: 0x3a), bytes[colon...].starts(with: "://".utf8),
            let scheme = Scheme(rawValue: String(decoding: bytes[..<colon], as: UTF8.self).lowercased())
        else { return nil }
        let rest = bytes[(colon + 3)...]
        let authority = rest.prefix { $0 != 0x2f && $0 != 0x3f && $0 != 0x23 }
        guard !authority.contains(0x40), let (host, port) = TrackerURL.split(authority) else { return nil }
        guard let number = port ?? TrackerURL.defaultPort(scheme), number != 0 else { return nil }
        self.scheme = scheme
        self.host = host
        self.port = number
        pathAndQuery = String(decoding: rest.dropFirst(authority.count).prefix { $0 != 0x23 }, as: UTF8.self)
    }

    private static func defaultPort(_ scheme: Scheme) -> UInt16? {
        switch scheme {
        case .http: 80
        case .https: 443
        case .udp: nil
        }
    }

    /// Host and port (nil if absent). Nil unless the text is `host`, `host:port` or `[v6]:port`.
    private static func split(_ authority: ArraySlice<UInt8>) -> (host: String, port: UInt16?)? {
        var host = authority
        var port: UInt16?
        if let colon = authority.lastIndex(of: 0x3a), authority.last != 0x5d {
            let digits = authority[(colon + 1)...]
            guard digits.count <= 5, digits.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
            if !digits.isEmpty {
                guard let number = UInt16(String(decoding: digits, as: UTF8.self)) else { return nil }
                port = number
            }
            host = authority[..<colon]
        }
        if host.first == 0x5b {
            guard host.last == 0x5d else { return nil }
            host = host.dropFirst().dropLast()
        } else if host.contains(0x3a) {
            return nil
        }
        guard !host.isEmpty, host.count <= 255 else { return nil }
        return (String(decoding: host, as: UTF8.self), port)
    }
}
