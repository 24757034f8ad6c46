import Address
import HTTPServing
import Hummingbird
import Text

/// This host as a caller reaches it. What listens at all addresses has none to tell others, but whoever asks has reached one.
package struct SeenAddress: Sendable {
    /// As the caller names it.
    private let host: String?
    /// The numeric one that the caller's connection came to.
    private let address: String?

    package init(_ request: Request, _ context: ServiceContext) {
        host = request.head.authority.flatMap { HTTPURL("http://" + $0)?.host }
        address = context.localAddress
    }

    /// - Parameter peers: the address of an engine.
    /// - Returns: the same if it is one that others can reach.
    package func peers(_ peers: String) -> String {
        guard let bound = PeerAddress(peers), bound.isUnspecified else { return peers }
        let seen = [host, address].lazy.compactMap { $0.flatMap { PeerAddress(host: $0, port: bound.port) } }.first
        return seen.map { "\($0)" } ?? peers
    }

    /// - Parameter url: of a tracker.
    /// - Returns: the same if it has a host that others can reach.
    package func announce(_ url: String) -> String { replaced(url, by: host ?? address) }

    /// For this process itself: the tracker then sees an address of this host that others can reach.
    package func ownAnnounce(_ url: String) -> String { replaced(url, by: address) }

    private func replaced(_ url: String, by host: String?) -> String {
        guard let parsed = HTTPURL(url), let host, PeerAddress(host: parsed.host, port: 1)?.isUnspecified == true else {
            return url
        }
        let name = host.contains(":") ? "[\(host)]" : host
        return "\(parsed.isSecure ? "https" : "http")://\(name):\(parsed.port)\(parsed.path)\(parsed.query)"
    }
}
