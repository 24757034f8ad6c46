/// Rules for host names as they appear in `Host` and `Origin` headers and in addresses.
public enum HostName {
    /// The host of `host:port`, `[v6]:port` or a bare host. Brackets are removed and letters are lower-cased.
    public static func host(of authority: String) -> String {
        if authority.hasPrefix("["), let end = authority.lastIndex(of: "]") {
            return authority[authority.index(after: authority.startIndex)..<end].lowercased()
        }
        // More than one colon and no brackets: a bare IPv6 address.
        guard let colon = authority.firstIndex(of: ":"), authority.lastIndex(of: ":") == colon else {
            return authority.lowercased()
        }
        return authority[..<colon].lowercased()
    }

    /// True for `localhost`, 127.0.0.0/8 in four numbers, and ::1. No other name counts as loopback: a name server
    /// decides what a name resolves to, and DNS rebinding attacks use that.
    public static func isLoopback(_ host: String) -> Bool {
        if host == "localhost" || host == "::1" { return true }
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts[0] == "127"
            && parts.allSatisfy { part in
                part.utf8.allSatisfy { (0x30...0x39).contains($0) } && UInt8(part) != nil
            }
    }
}
