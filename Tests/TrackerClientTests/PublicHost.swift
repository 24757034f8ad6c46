import HTTPTransport
import NIOCore

/// A transport to whom one address of loopback is a public one, at which a test has its server.
enum PublicHost {
    static let address = "127.0.0.77"

    /// `cdn.example` is the public server; `inside.example` has an inside address, and `mixed.example` one of each.
    /// - Parameter leads: where names lead once they are connected to, whatever the resolver said before.
    static func transport(connecting leads: [String: String] = ["cdn.example": address]) -> HTTPTransport {
        var settings = HTTPTransportSettings()
        settings.connectOverride = leads
        settings.reach = { $0.ipAddress == address ? .everywhere : AddressReach($0) }
        settings.resolver = { host, port in
            let known = [
                "cdn.example": [address], "rebound.example": [address], "inside.example": ["10.0.0.1"],
                "mixed.example": [address, "169.254.169.254"], "double.example": [address, "127.0.0.1"],
            ]
            guard let addresses = known[host] else { return try await SystemResolver.addresses(of: host, port: port) }
            return try addresses.map { try SocketAddress(ipAddress: $0, port: Int(port)) }
        }
        return HTTPTransport(settings: settings)
    }
}
