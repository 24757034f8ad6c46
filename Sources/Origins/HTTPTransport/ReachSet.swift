import NIOCore
import Text

/// A set of reaches: those that a request may lead to, or those of all addresses of a name.
package struct ReachSet: OptionSet, Sendable, Hashable {
    package let rawValue: UInt8

    package init(rawValue: UInt8) { self.rawValue = rawValue }

    package init(_ reach: AddressReach) { rawValue = 1 << UInt8(reach.rawValue) }

    package static let host = ReachSet(.host)
    package static let link = ReachSet(.link)
    package static let site = ReachSet(.site)
    package static let everywhere = ReachSet(.everywhere)
    package static let all: ReachSet = [.host, .link, .site, .everywhere]

    /// The reaches to which a server may redirect if its name has addresses of these reaches.
    ///
    /// A public server may not redirect into a site, and no server may redirect to this host or this link unless all
    /// its own addresses are there: the request would come from inside, where it might be trusted. A name counts by its
    /// farthest address, because with a second DNS record anybody can give a name an internal address too. Redirects
    /// within a site are common and allowed.
    package var redirectTargets: ReachSet {
        switch self {
        case []: .everywhere
        case .host: [.host, .site, .everywhere]
        case .link: [.link, .site, .everywhere]
        default: contains(.everywhere) ? .everywhere : [.site, .everywhere]
        }
    }
}

/// The origin of a URL, which decides where it may lead.
package enum AddressRule: Sendable, Hashable {
    /// A person or the configuration: the URL may lead anywhere.
    case trusted
    /// A torrent or magnet link, as a tracker.
    case torrentTracker
    /// A torrent or magnet link, as a web seed.
    case torrentWebSeed

    /// The addresses to which the URL may resolve.
    ///
    /// Torrents are untrusted, and services on this host may act on requested URLs. So a URL from a torrent never leads
    /// to this link, where clouds serve credentials. On this host, a tracker must have the path `/announce` and no
    /// query (over UDP, which carries no path to a service, it may have none), and a web seed must have no query.
    package func addresses(ofPath path: some StringProtocol, query: some StringProtocol) -> ReachSet {
        switch self {
        case .trusted: .all
        case .torrentTracker:
            path == "/announce" && query.isEmpty ? [.host, .site, .everywhere] : [.site, .everywhere]
        case .torrentWebSeed: query.isEmpty ? [.host, .site, .everywhere] : [.site, .everywhere]
        }
    }

    package func addresses(of url: HTTPURL) -> ReachSet { addresses(ofPath: url.path, query: url.query) }
}
