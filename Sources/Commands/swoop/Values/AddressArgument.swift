import Address
import Tracking

/// Parses addresses. Host names are not resolved: an address to listen on or to announce must be unambiguous.
enum AddressArgument {
    private static let forms = "write ADDR:PORT, [IPv6]:PORT or PORT"

    /// A listening address: `ADDR:PORT`, `[IPv6]:PORT`, `:PORT` or `PORT`. Without an address it is `[::]`, which
    /// includes IPv4. Port 0 lets the system choose.
    static func listen(_ text: String) throws -> PeerAddress {
        let bare = text.first == ":" ? text.dropFirst() : text[...]
        if !bare.isEmpty, bare.utf8.allSatisfy({ (0x30...0x39).contains($0) }) {
            guard let port = UInt16(bare) else { throw ArgumentProblem("port \(bare) is over 65535") }
            return PeerAddress(ipv6High: 0, low: 0, port: port)
        }
        return try addressAndPort(text)
    }

    /// The address of a peer: `ADDR:PORT` or `[IPv6]:PORT`.
    static func peer(_ text: String) throws -> PeerAddress {
        let address = try addressAndPort(text)
        guard address.isConnectable else { throw ArgumentProblem("no connection can be made there") }
        return address
    }

    /// An IP address alone; returned without brackets.
    static func host(_ text: String) throws -> String {
        let bare = text.hasPrefix("[") && text.hasSuffix("]") ? text.dropFirst().dropLast() : text[...]
        guard let address = PeerAddress(host: bare, port: 1) else {
            throw ArgumentProblem("an IP address is expected, as in 203.0.113.7 or 2001:db8::7")
        }
        guard address.isConnectable else { throw ArgumentProblem("no connection can be made there") }
        return address.host
    }

    private static func addressAndPort(_ text: String) throws -> PeerAddress {
        if let address = PeerAddress(text) { return address }
        if let colon = text.lastIndex(of: ":") {
            let port = text[text.index(after: colon)...]
            if let number = Int(port), number > 65535 { throw ArgumentProblem("port \(port) is over 65535") }
            if PeerAddress(host: text, port: 1) != nil {
                throw ArgumentProblem("an IPv6 address goes in brackets before a port, as in [::1]:6881")
            }
            throw ArgumentProblem("\(forms); the address in numbers, not as a name")
        }
        throw ArgumentProblem(PeerAddress(host: text, port: 1) != nil ? "a port is missing; \(forms)" : forms)
    }
}
