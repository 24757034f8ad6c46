import Address

/// Where a store listens: `HOST:PORT`; the port may be left out.
package struct RedisAddress: Sendable, Hashable, CustomStringConvertible {
    package let host: String
    package let port: UInt16

    package static let usualPort: UInt16 = 6379

    /// Nil for what is no host and port.
    package init?(_ text: String) {
        if let address = ListenAddress(text), let port = UInt16(exactly: address.port), port > 0 {
            (host, self.port) = (address.host, port)
        } else if !text.isEmpty, !text.contains(where: { " /@[]:".contains($0) }) {
            (host, port) = (text, Self.usualPort)
        } else {
            return nil
        }
    }

    package var description: String { ListenAddress(host: host, port: Int(port)).description }
}
