import Address
import Tracking

/// Addresses as people write them. Names are not looked up: what one listens on or tells others must be certain.
enum AddressArgument {
    private static let forms = "write ADDR:PORT, [IPv6]:PORT or PORT"

    /// Where a server listens: `ADDR:PORT`, `[IPv6]:PORT`, `:PORT` or `PORT`. Without an address it is `[::]`, which
    /// takes IPv4 too. Port 0 lets the system choose.
    static func listen(_ text: String) throws -> PeerAddress {
        let bare = text.first == ":" ? text.dropFirst() : text[...]
        if !bare.isEmpty, bare.utf8.allSatisfy({ (0x30...0x39).contains($0) }) {
            guard let port = UInt16(bare) else { throw ArgumentProblem("port \(bare) is over 65535") }
            return PeerAddress(ipv6High: 0, low: 0, port: port)
        }
        return try addressAndPort(text)
    }

    /// A peer to connect to: `ADDR:PORT` or `[IPv6]:PORT`.
    static func peer(_ text: String) throws -> PeerAddress {
        let address = try addressAndPort(text)
        guard address.isConnectable else { throw ArgumentProblem("no connection can be made there") }
        return address
    }

    /// An address alone, in numbers; the answer is in the form without brackets.
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
