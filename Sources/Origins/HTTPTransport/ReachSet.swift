import NIOCore
import Text

/// Several reaches: those that a request may lead to, or those of all addresses of a name.
package struct ReachSet: OptionSet, Sendable, Hashable {
    package let rawValue: UInt8

    package init(rawValue: UInt8) { self.rawValue = rawValue }

    package init(_ reach: AddressReach) { rawValue = 1 << UInt8(reach.rawValue) }

    package static let host = ReachSet(.host)
    package static let link = ReachSet(.link)
    package static let site = ReachSet(.site)
    package static let everywhere = ReachSet(.everywhere)
    package static let all: ReachSet = [.host, .link, .site, .everywhere]

    /// Where a server may send us whose name has addresses of these reaches.
    ///
    /// A public server may not point into a site, nor anyone at this host or this link unless it is there itself and
    /// nowhere else: the request would come from inside, where it might be trusted. A name counts as its farthest
    /// address: with a second record anybody could give his name an inside address too. Within a site redirects are
    /// everyday.
    package var redirectTargets: ReachSet {
        switch self {
        case []: .everywhere
        case .host: [.host, .site, .everywhere]
        case .link: [.link, .site, .everywhere]
        default: contains(.everywhere) ? .everywhere : [.site, .everywhere]
        }
    }
}

/// Who named a URL, and with that where it may lead.
package enum AddressRule: Sendable, Hashable {
    /// A person, or the configuration: anywhere.
    case trusted
    /// A torrent or a magnet link, as a tracker.
    case torrentTracker
    /// A torrent or a magnet link, as a web seed.
    case torrentWebSeed

    /// What addresses the URL may have.
    ///
    /// Torrents come from strangers, and services of this host may do what a URL tells them. So a torrent's URL never
    /// leads to this link, where clouds serve credentials. At this host a tracker has the path `/announce` and no query
    /// (over UDP, which carries no path to a service, it may have none), and a web seed has no query.
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
