/// Hosts as they stand in `Host`, `Origin` and addresses.
public enum HostName {
    /// The host of `host:port`, `[v6]:port` or a host alone: brackets are taken off, letters made small.
    public static func host(of authority: String) -> String {
        if authority.hasPrefix("["), let end = authority.lastIndex(of: "]") {
            return authority[authority.index(after: authority.startIndex)..<end].lowercased()
        }
        // More than one colon and no brackets: an IPv6 address alone.
        guard let colon = authority.firstIndex(of: ":"), authority.lastIndex(of: ":") == colon else {
            return authority.lowercased()
        }
        return authority[..<colon].lowercased()
    }

    /// `localhost`, 127.0.0.0/8 in four numbers, and ::1. No name but `localhost`: what a name means is the name
    /// server's to say, and that is how rebinding works.
    public static func isLoopback(_ host: String) -> Bool {
        if host == "localhost" || host == "::1" { return true }
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts[0] == "127"
            && parts.allSatisfy { part in
                part.utf8.allSatisfy { (0x30...0x39).contains($0) } && UInt8(part) != nil
            }
    }
}
