import Text

/// Where a control's door for agents is: `https://HOST:PORT`.
package struct ControlAddress: Sendable, Hashable, CustomStringConvertible {
    package static let usualPort: UInt16 = 7443

    /// A host name or an address, without brackets.
    package let host: String
    package let port: UInt16

    package init(host: String, port: UInt16) {
        self.host = host
        self.port = port
    }

    /// `https://HOST:PORT` or `HOST:PORT`; without a port 7443. Nil for anything else, and for `http`.
    package init?(_ text: String) {
        let hasScheme = text.contains("://")
        guard let url = HTTPURL(hasScheme ? text : "https://" + text), url.isSecure,
            url.path == "/" || url.path.isEmpty, url.query.isEmpty
        else { return nil }
        host = url.host
        let authority = text.split(separator: "/").last ?? ""
        port = url.port == 443 && !authority.hasSuffix(":443") ? Self.usualPort : url.port
    }

    /// `HOST:PORT`, an IPv6 address in brackets.
    package var authority: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
    package var description: String { "https://\(authority)" }

    /// Addresses separated by commas, each once; nil where one cannot be read.
    package static func list(_ text: String) -> [ControlAddress]? {
        var addresses: [ControlAddress] = []
        for part in text.split(separator: ",") {
            guard let address = ControlAddress(part.trimmingPrefix { $0 == " " }.description) else { return nil }
            if !addresses.contains(address) { addresses.append(address) }
        }
        return addresses.isEmpty ? nil : addresses
    }
}
