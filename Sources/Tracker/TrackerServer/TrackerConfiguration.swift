import Address
import Admission
import Glibc
import Tracking

/// The configuration of a tracker, with defaults.
package struct TrackerConfiguration: Sendable {
    /// Addresses for HTTP. `[::]` means both IP versions, or IPv4 alone on a host without IPv6. Port 0 means any free
    /// port.
    package var http: [PeerAddress]
    /// Addresses for UDP. Port 0 means the port of HTTP.
    package var udp: [PeerAddress]
    /// Seconds between a peer's announces, 1 to 43,200. Each response varies by up to `intervalJitter`.
    package var interval: Int = 1800
    /// Fraction of the interval, 0 to 0.5, by which it varies between responses, so that the nodes of a fleet that
    /// started together do not announce together forever.
    package var intervalJitter: Double = 0.1
    /// Swarms that are served; nil for all.
    package var allow: Set<SwarmKey>?
    /// Whether an announce of a swarm that shows this ticket, or none, is answered; nil for a tracker without tickets. Called on the
    /// tracker's loop for each announce: answers from memory, at once.
    package var admits: (@Sendable (SwarmKey, SwarmTicket?) -> Bool)?
    /// Which sources may claim another address than that of their announce.
    package var trust: AddressTrust = .loopback
    package var limits = Limits()
    /// The origins of the registry whose tracker this is; nil for none.
    package var origins: RegistryOrigins?
    /// Seconds between the announces of an agent of a registry: while it has not everything, and when it has.
    package var agentIntervals = (part: 30, whole: 600)
    /// Minimum seconds between them, for one that has too few peers.
    package var agentMinimumInterval = 5
    /// The process's budget for connections; nil for a budget of the tracker's own, with `limits.connections`
    /// connections.
    package var admission: Admission?

    /// The sources whose `ip=` (or address field of a UDP announce) is used. A client on the tracker's own host
    /// announces from loopback, which is useless to others. From any other source it could put a victim's address on
    /// the list.
    package enum AddressTrust: Sendable {
        case nobody
        /// Announces from a loopback address.
        case loopback
        /// Announces from loopback and private addresses, for a tracker inside the network that it serves.
        case loopbackAndPrivate
    }

    package struct Limits: Sendable {
        /// Maximum number of open HTTP connections; lower if the limit on open files requires it.
        package var connections = 4096
        /// Seconds from the first byte of a request (or its connection) to the end of its head, and for reading a
        /// response.
        package var requestSeconds: Double = 10
        /// Seconds for which a kept-alive connection may be idle between requests.
        package var idleSeconds: Double = 60
        /// Number of peers in a response if the request does not say.
        package var defaultPeers = 50
        /// Maximum number of peers in a response, up to `PeerSelection.capacity`.
        package var maximumPeers = 200
        /// The same in a response to an agent of a registry.
        package var announceLimit = 50
        package var peers = 16_000_000
        package var swarms = 1_000_000

        package init() {}
    }

    /// HTTP and UDP on port 6969 of all addresses.
    package init() {
        let everywhere = PeerAddress(ipv6High: 0, low: 0, port: 6969)
        self.init(http: [everywhere], udp: [everywhere])
    }

    /// As a registry's tracker, whose agents announce often and use few peers.
    /// - Parameters:
    ///   - interval: seconds between two announces of a peer; nil for the usual 30.
    ///   - limit: most peers in a response; nil for the usual number.
    package mutating func serveRegistry(interval: Int? = nil, limit: Int? = nil) {
        self.interval = interval ?? 30
        trust = .loopbackAndPrivate
        let most = limit ?? limits.announceLimit
        (limits.maximumPeers, limits.announceLimit) = (most, most)
        limits.defaultPeers = min(most, limits.defaultPeers)
    }

    package init(http: [PeerAddress], udp: [PeerAddress]) {
        self.http = http
        self.udp = udp
    }

    /// Minimum seconds between announces that responses contain.
    package var minimumInterval: Int { max(1, interval / 2) }

    /// Seconds for which a peer stays in the store: three intervals in one that several trackers share.
    var sharedLifetime: Int { 3 * max(1, interval) }

    /// The same in this tracker's memory, for others than agents.
    var ownLifetime: UInt64 { UInt64(max(1, interval)) * 2 + UInt64(max(1, interval)) / 5 + 60 }

    /// Seconds until an agent's next announce: less often only if all are to announce more often anyway.
    func agentInterval(isWhole: Bool) -> Int {
        isWhole ? agentIntervals.whole : min(agentIntervals.part, max(1, interval))
    }

    /// Limits of the store: a peer is removed after a little more than two intervals.
    package var storeLimits: MemoryPeerStore.Limits {
        var result = MemoryPeerStore.Limits()
        result.peers = limits.peers
        result.swarms = limits.swarms
        // As long as the longest-lived of all; others are dated back.
        result.lifetime = max(ownLifetime, UInt64(3 * agentIntervals.whole))
        return result
    }

    func check() throws(TrackerServerError) {
        guard (1...43_200).contains(interval) else {
            throw TrackerServerError(.configuration, "the announce interval must be from 1 second to 12 hours")
        }
        guard (0...0.5).contains(intervalJitter) else {
            throw TrackerServerError(.configuration, "the jitter of the interval must be from 0 to 0.5")
        }
        guard !http.isEmpty || !udp.isEmpty else {
            throw TrackerServerError(.configuration, "a tracker needs an address for HTTP or for UDP")
        }
        guard limits.requestSeconds > 0, limits.idleSeconds > 0, limits.connections > 0 else {
            throw TrackerServerError(.configuration, "limits of connections must be over 0")
        }
    }
}

/// Why a tracker cannot start.
package struct TrackerServerError: Error, Sendable, CustomStringConvertible {
    package enum Code: String, Sendable {
        case configuration
        case addressInUse
        case addressNotAvailable
        case permissionDenied
        case system
    }

    package let code: Code
    /// The problem, its subject, and what to do.
    package let description: String

    init(_ code: Code, _ description: String) {
        self.code = code
        self.description = description
    }

    /// - Parameter cannotStart: the `errno` of what the loop lacks.
    init(cannotStart code: Int32) {
        self.init(.system, "the tracker cannot start: \(String(cString: strerror(code)))")
    }
}
