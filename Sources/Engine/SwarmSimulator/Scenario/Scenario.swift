import SwarmCore

/// The input of a simulation: content, hosts and the links between them. Sizes in bytes, rates in bytes per second,
/// times in seconds.
package struct Scenario: Sendable {
    package struct Host: Sendable, Equatable {
        package enum Role: Sendable, Equatable {
            /// Has the content from the beginning.
            case seed
            case receiver
            /// Downloads the content like a receiver, in order to upload it. The result does not wait for it.
            case cache
        }

        package var role: Role
        /// Uplink and downlink rates; greater than 0.
        package var up: Double
        package var down: Double
        /// Index into ``Scenario/sites``.
        package var site = 0
        package var joinsAt = 0.0
        package var leavesAt: Double?
        /// The host leaves when it has uploaded this many copies of the content.
        package var leavesAfterCopies: Double?
        /// False behind a firewall: the host can only dial.
        package var acceptsConnections = true
        /// The host claims to have everything and sends corrupt bytes.
        package var isPoisoner = false
        /// The host takes what it is sent, and never says that it has a piece.
        package var isSilent = false
        /// The host says what it has, and serves nobody.
        package var servesNobody = false

        package init(_ role: Role, up: Double, down: Double) {
            self.role = role
            self.up = up
            self.down = down
        }

        /// Whether the result waits for the host: it is a receiver, and means well.
        var isAwaited: Bool { role == .receiver && !isPoisoner && !isSilent && !servesNobody }
    }

    /// Hosts that are near each other, and their shared link to all other sites.
    package struct Site: Sendable, Equatable {
        /// Rates of the shared link; nil if it is not a limit.
        package var up: Double?
        package var down: Double?

        package init(up: Double? = nil, down: Double? = nil) {
            self.up = up
            self.down = down
        }
    }

    package var contentLength: Int64
    package var pieceLength: Int
    /// The unit of request; as long as a piece in scenarios with many hosts.
    package var blockLength: Int
    package var hosts: [Host] = []
    package var sites = [Site()]
    /// Hosts of a site tell each other which pieces they download from outside.
    package var claims = true
    package var network = Network()
    /// Configuration of every host, except that the unit of request is ``blockLength``.
    package var configuration = SwarmConfiguration()
    /// The budget of the seeds, which are origins then; nil for ordinary ones.
    package var egress: EgressLimits?
    /// Seed of the random choices: the same scenario with the same seed gives the same result.
    package var seedNumber: UInt64 = 1
    /// Virtual seconds after which the simulation ends, finished or not.
    package var timeLimit = 30.0 * 86_400

    package init(contentLength: Int64, pieceLength: Int, blockLength: Int = 16 * 1024) {
        self.contentLength = contentLength
        self.pieceLength = pieceLength
        self.blockLength = min(blockLength, pieceLength)
    }

    /// Seeds and receivers with equal uplinks and downlinks, all present from the beginning.
    package static func fanOut(
        receivers: Int, contentLength: Int64, pieceLength: Int, blockLength: Int = 16 * 1024, up: Double, down: Double,
        seeds: Int = 1
    ) -> Scenario {
        var scenario = Scenario(contentLength: contentLength, pieceLength: pieceLength, blockLength: blockLength)
        scenario.hosts = Array(repeating: Host(.seed, up: up, down: down), count: seeds)
        scenario.hosts += Array(repeating: Host(.receiver, up: up, down: down), count: receivers)
        return scenario
    }
}

/// Properties of the network and the programs that are the same for all hosts. Seconds and bytes.
package struct Network: Sendable {
    /// One-way delay between two hosts.
    package var delayInSite = 0.0002
    package var delayBetweenSites = 0.015
    /// Queueing delay of a busy link: TCP keeps the queue filled.
    package var queueDelay = 0.02
    /// Bytes on the wire for each byte of content: Ethernet, IP and TCP headers with 1,448 bytes of data in a packet.
    package var overhead = 1.046
    /// Bytes on the wire of a message that is sent alone, such as a `have`.
    package var messageLength = 75.0
    /// Senders wait when a receiver's downlink is this far behind (or two blocks behind, if that is more).
    package var downlinkQueue = 0.25
    /// Rate at which a host hashes and writes, in bytes per second.
    package var hashRate = 1.0e9
    /// Seconds between two times at which a host reads the announcements of its neighbours.
    package var announceInterval = 0.02
    /// The same for a host with many neighbours, which let announcements wait for each other.
    package var crowdedInterval = 0.1
    /// Seconds between two ticks of a host, as in the program.
    package var tickInterval = 0.1
    /// Hosts that join together are spread over this many seconds.
    package var joinSpread = 0.3
    /// Number of addresses in a tracker response.
    package var peersPerAnnounce = 50
    /// Seconds until a host with few peers announces again.
    package var announceAgain = 60.0
    /// Seconds after joining at which a host considers sending peer exchange, and then how often. The second time is
    /// when the ledger allows a second message.
    package var firstExchanges = [1.0, 4.01]
    package var exchangeInterval = 60.0
    /// Maximum number of addresses that one peer exchange message adds.
    package var mostExchanged = 50
    /// A host dials more peers while it has fewer connections than this.
    package var connections = 80

    /// Bytes that one connection has in flight at most, as where a system allows little, or loss keeps it down: on a long
    /// path, hosts then find out whether further connections help. Nil where one connection fills every path.
    package var connectionWindow: Double?
    package var connectionLimits = ConnectionLimits()

    /// Maximum number of a host's connections that send at the same time, each until the end of a piece. For studying
    /// serial uploads. The program has no such limit: its connections share the uplink.
    package var uploadsAtOnce = Int.max

    package init() {}
}
