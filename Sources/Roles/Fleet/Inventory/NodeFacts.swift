import Address

/// What is known of a node, for expressions that select nodes.
package struct NodeFacts: Sendable, Hashable {
    package var name: String
    package var os: String
    package var arch: String
    package var version: String
    /// As the time zone database names it: `Asia/Shanghai`.
    package var timeZone: String
    /// Of its interfaces and of its connection.
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

    /// The value that a key has here, if any: of what is known of every node, else of a label. Addresses are not among
    /// them, as a node has several.
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
