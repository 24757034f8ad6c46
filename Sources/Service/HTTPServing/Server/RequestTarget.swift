import NIOHTTP1

/// Checks and normalises the host and target of a request (RFC 9112, section 3.2).
enum RequestTarget {
    enum Refusal: Error, Equatable, Sendable {
        case noHost, twoHosts, badHost, badTarget
        /// `Host` and the target name different hosts.
        case differentHosts

        var text: String {
            switch self {
            case .noHost: "the request names no host"
            case .twoHosts: "the request names its host twice"
            case .badHost: "what stands in Host is no host"
            case .badTarget: "the request's target is no path and no http URL"
            case .differentHosts: "Host and the request's target name different hosts"
            }
        }
    }

    /// Returns the head with its target as path and query (origin form) and with the host of the request in `Host`. A
    /// request of HTTP/1.0 need not name a host.
    static func checked(_ head: HTTPRequestHead) throws(Refusal) -> HTTPRequestHead {
        let hosts = head.headers["host"]
        guard hosts.count <= 1 else { throw .twoHosts }
        guard !hosts.isEmpty || (head.version.major, head.version.minor) < (1, 1) else { throw .noHost }
        if let host = hosts.first, !isAuthority(host) { throw .badHost }
        if head.uri.utf8.first == UInt8(ascii: "/") || head.uri == "*" { return head }
        let scheme = "http://"
        guard head.uri.utf8.count > scheme.utf8.count, head.uri.prefix(scheme.count).lowercased() == scheme else {
            throw .badTarget
        }
        let rest = head.uri.dropFirst(scheme.count)
        let end = rest.firstIndex { "/?#".contains($0) } ?? rest.endIndex
        let authority = String(rest[..<end])
        guard !authority.isEmpty, isAuthority(authority) else { throw .badTarget }
        if let host = hosts.first, normal(host) != normal(authority) { throw .differentHosts }
        let target = rest[end...].prefix { $0 != "#" }
        var head = head
        head.uri = target.hasPrefix("/") ? String(target) : "/" + target
        head.headers.replaceOrAdd(name: "Host", value: authority)
        return head
    }

    /// Whether the text is a host with or without a port, without a user name, list or path.
    private static func isAuthority(_ text: String) -> Bool {
        text.utf8.allSatisfy { byte in
            byte > 0x20 && byte < 0x7f && !",/@?#\\\"<>{}|^`".utf8.contains(byte)
        }
    }

    private static func normal(_ authority: String) -> String {
        let small = authority.lowercased()
        return small.hasSuffix(":80") ? String(small.dropLast(3)) : small
    }
}
