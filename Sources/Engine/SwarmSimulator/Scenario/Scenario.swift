import SwarmCore

/// What is to be simulated: content, hosts and the lines between them. Sizes in bytes, rates in bytes per second, times
/// in seconds.
package struct Scenario: Sendable {
    package struct Host: Sendable, Equatable {
        package enum Role: Sendable, Equatable {
            /// Has the content from the beginning.
            case seed
            case receiver
            /// Fetches the content like a receiver, to serve it; nobody waits for it.
            case cache
        }

        package var role: Role
        /// Rates of its line; greater than 0.
        package var up: Double
        package var down: Double
        /// Index into ``Scenario/sites``.
        package var site = 0
        package var joinsAt = 0.0
        package var leavesAt: Double?
        /// It leaves when it has sent so many times the content.
        package var leavesAfterCopies: Double?
        /// False behind a firewall: it can only dial.
        package var acceptsConnections = true
        /// It says that it has everything and sends false bytes.
        package var isPoisoner = false

        package init(_ role: Role, up: Double, down: Double) {
            self.role = role
            self.up = up
            self.down = down
        }
    }

    /// Hosts near each other, and the line that they share to all others.
    package struct Site: Sendable, Equatable {
        /// Rates of the shared line; nil where it is none of the bounds.
        package var up: Double?
        package var down: Double?

        package init(up: Double? = nil, down: Double? = nil) {
            self.up = up
            self.down = down
        }
    }

    package var contentLength: Int64
    package var pieceLength: Int
    /// The unit of request; as long as a piece where there are many hosts.
    package var blockLength: Int
    package var hosts: [Host] = []
    package var sites = [Site()]
    /// Hosts of a site tell each other what they fetch from outside it.
    package var claims = true
    package var network = Network()
    /// Of every host; the unit of request is ``blockLength``.
    package var configuration = SwarmConfiguration()
    /// Number of the random choices: the same scenario with the same number gives the same result.
    package var seedNumber: UInt64 = 1
    /// Virtual seconds after which the simulation ends, finished or not.
    package var timeLimit = 30.0 * 86_400

    package init(contentLength: Int64, pieceLength: Int, blockLength: Int = 16 * 1024) {
        self.contentLength = contentLength
        self.pieceLength = pieceLength
        self.blockLength = min(blockLength, pieceLength)
    }

    /// Seeds, receivers with equal lines, all there from the beginning.
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

/// How the network and the programs behave, as far as it is the same for all hosts. Seconds and bytes.
package struct Network: Sendable {
    /// From one host to another, one way.
    package var delayInSite = 0.0002
    package var delayBetweenSites = 0.015
    /// What waits in a busy line before anything new: the queue that TCP keeps filled.
    package var queueDelay = 0.02
    /// Bytes on the line for a byte of content: Ethernet, IP and TCP headers with 1,448 bytes of data in a packet.
    package var overhead = 1.046
    /// Bytes on the line of a message that goes alone, such as one `have`.
    package var messageLength = 75.0
    /// A receiver's line may be so far behind (or two blocks, if that is more) before senders wait.
    package var downlinkQueue = 0.25
    /// Bytes per second that a host hashes and writes.
    package var hashRate = 1.0e9
    /// Time between two looks of a host at what others have finished.
    package var announceInterval = 0.02
    /// Time between two ticks of a host, as in the program.
    package var tickInterval = 0.1
    /// Hosts that join at one time really join within such a time.
    package var joinSpread = 0.3
    /// Addresses that the tracker gives at once.
    package var peersPerAnnounce = 50
    /// Seconds until one who has hardly any peers asks the tracker again.
    package var announceAgain = 60.0
    /// Seconds after joining at which a host looks whether to tell its peers of each other, and then how often. The second
    /// look comes when the ledger lets a second message go.
    package var firstExchanges = [1.0, 4.01]
    package var exchangeInterval = 60.0
    /// Addresses that one message of peer exchange adds.
    package var mostExchanged = 50
    /// Connections up to which a host dials more.
    package var connections = 80

    /// Connections of a host that send at a time, each to the end of a piece; what serving in turns would bring. The
    /// program does not do so: its connections share the line.
    package var uploadsAtOnce = Int.max

    package init() {}
}
