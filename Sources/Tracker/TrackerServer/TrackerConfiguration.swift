import Address
import Admission
import Glibc
import Tracking

/// Everything a tracker can be told, with what it does otherwise.
package struct TrackerConfiguration: Sendable {
    /// Where HTTP is served. `[::]` takes both IP versions, or IPv4 alone on a machine without IPv6. Port 0 is any free
    /// one.
    package var http: [PeerAddress]
    /// Where UDP is served. Port 0 is the port that HTTP got.
    package var udp: [PeerAddress]
    /// Seconds between a peer's announces, 1 to 43,200. Each answer strays from it by up to `intervalJitter`.
    package var interval: Int = 1800
    /// Part of the interval, 0 to 0.5, by which it varies from answer to answer, so that a fleet that was started at
    /// once does not announce at once for ever.
    package var intervalJitter: Double = 0.1
    /// Swarms that are served; nil for any.
    package var allow: Set<SwarmKey>?
    /// Who may name another address than the one its announce comes from.
    package var trust: AddressTrust = .loopback
    package var limits = Limits()
    /// The process's budget for strangers, from which HTTP connections are drawn; nil for one of the tracker's own, with
    /// `limits.connections` of them.
    package var admission: Admission?

    /// Whose `ip=` (or address field of a UDP announce) is believed. A client beside the tracker announces from
    /// loopback, which is of no use to others; anybody else could put a victim's address on the list.
    package enum AddressTrust: Sendable {
        case nobody
        /// Announces that come from a loopback address.
        case loopback
        /// Those and the ones from private addresses: for a tracker inside the network it serves.
        case loopbackAndPrivate
    }

    package struct Limits: Sendable {
        /// HTTP connections open at once; fewer where the limit on open files leaves fewer.
        package var connections = 4096
        /// Seconds from the first byte of a request (or its connection) to the end of its head, and for reading an
        /// answer.
        package var requestSeconds: Double = 10
        /// Seconds a kept connection may be silent between requests.
        package var idleSeconds: Double = 60
        /// Peers in an answer when the request names no number.
        package var defaultPeers = 50
        /// Peers in an answer at most; `PeerSelection.capacity` is the most there can be.
        package var maximumPeers = 200
        package var peers = 16_000_000
        package var swarms = 1_000_000

        package init() {}
    }

    /// HTTP and UDP on port 6969 of all addresses.
    package init() {
        let everywhere = PeerAddress(ipv6High: 0, low: 0, port: 6969)
        self.init(http: [everywhere], udp: [everywhere])
    }

    package init(http: [PeerAddress], udp: [PeerAddress]) {
        self.http = http
        self.udp = udp
    }

    /// Least seconds between announces that answers ask for.
    package var minimumInterval: Int { max(1, interval / 2) }

    /// Limits of the store: a peer is forgotten after two intervals and a bit.
    package var storeLimits: MemoryPeerStore.Limits {
        var result = MemoryPeerStore.Limits()
        result.peers = limits.peers
        result.swarms = limits.swarms
        result.lifetime = UInt64(max(1, interval)) * 2 + UInt64(max(1, interval)) / 5 + 60
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
    /// What happened, to what, and what to do.
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
