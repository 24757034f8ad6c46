import Address

/// The properties of a node on which selection expressions are evaluated.
package struct NodeFacts: Sendable, Hashable {
    package var name: String
    package var os: String
    package var arch: String
    package var version: String
    /// A name of the IANA time zone database, such as `Asia/Shanghai`.
    package var timeZone: String
    /// The addresses of its interfaces and the remote address of its connection.
    package var addresses: [PeerAddress]
    package var labels: Labels

    package init(
        name: String, os: String = "", arch: String = "", version: String = "", timeZone: String = "",
        addresses: [PeerAddress] = [], labels: Labels = Labels()
    ) {
        self.name = name
        self.os = os
        self.arch = arch
        self.version = version
        self.timeZone = timeZone
        self.addresses = addresses
        self.labels = labels
    }

    /// The value of a key: a built-in property, or else a label; nil if the node has none. Does not cover `addr`, since
    /// a node may have several addresses.
    func value(of key: String) -> String? {
        let known: String
        switch key {
        case "name": known = name
        case "os": known = os
        case "arch": known = arch
        case "version": known = version
        case "tz": known = timeZone
        default: return labels[key]
        }
        return known.isEmpty ? nil : known
    }
}
