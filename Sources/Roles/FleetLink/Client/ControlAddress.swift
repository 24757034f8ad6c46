import Text

/// The URL of a control server for agents: `https://HOST:PORT`.
package struct ControlAddress: Sendable, Hashable, CustomStringConvertible {
    package static let usualPort: UInt16 = 7443

    /// A host name or an IP address, an IPv6 address without brackets.
    package let host: String
    package let port: UInt16

    package init(host: String, port: UInt16) {
        self.host = host
        self.port = port
    }

    /// Parses `https://HOST:PORT` or `HOST:PORT`; the default port is 7443. Nil for any other text, also for `http`.
    package init?(_ text: String) {
        let hasScheme = text.contains("://")
        guard let url = HTTPURL(hasScheme ? text : "https://" + text), url.isSecure,
            url.path == "/" || url.path.isEmpty, url.query.isEmpty
        else { return nil }
        host = url.host
        let authority = text.split(separator: "/").last ?? ""
        port = url.port == 443 && !authority.hasSuffix(":443") ? Self.usualPort : url.port
    }

    /// `HOST:PORT`, with an IPv6 address in brackets.
    package var authority: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
    package var description: String { "https://\(authority)" }

    /// Parses addresses separated by commas, and removes duplicates. Nil if one of them is invalid or there is none.
    package static func list(_ text: String) -> [ControlAddress]? {
        var addresses: [ControlAddress] = []
        for part in text.split(separator: ",") {
            guard let address = ControlAddress(part.trimmingPrefix { $0 == " " }.description) else { return nil }
            if !addresses.contains(address) { addresses.append(address) }
        }
        return addresses.isEmpty ? nil : addresses
    }
}
