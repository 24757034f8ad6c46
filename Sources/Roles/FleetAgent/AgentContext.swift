import Address
import Fleet
import Jobs
import Logging
import Policy
import Swarm
import Synchronization
import Threads

/// What all jobs of an agent share.
package struct AgentContext: Sendable {
    let places: AgentPlaces
    let policies: PolicyHolder
    let link: any AgentLink
    let swarm: SwarmNode
    let clock: any JobClock
    let logger: Logger
    let settings: AgentTunables
    package let publications: Turns
    let checks: Turns
    let published: PublishedPlaces
    let stores: AgentStores
    let site: SiteMemory
    /// What jobs put on this host: it is copied, not transferred again.
    let library: any ContentLibrary

    /// As the agent's file says now.
    var policy: AgentPolicy { policies.now }

    /// Control's time, in seconds since 1970: this host's clock corrected by the measured difference.
    var controlTime: Double { get async { clock.now.wall.seconds - (await link.difference.seconds) } }

    func host(_ options: TransferOptions) -> JobHost {
        JobHost(
            swarm: swarm, transferOptions: options, library: library, clock: clock, logger: logger,
            settings: JobSettings(tick: settings.tick), publications: publications, checks: checks)
    }

    /// The options of every torrent transfer.
    var transferOptions: TransferOptions {
        var options = TransferOptions()
        options.site = site.now
        switch policy.configuration.listen {
        case .address(let address)?: options.listen = address
        case .some(.none): options.isDialled = false
        case nil: options.listen = settings.listen
        }
        return options
    }
}

/// The policy that holds now. It changes when the agent's file is read again.
final class PolicyHolder: Sendable {
    private let policy: Mutex<AgentPolicy>

    init(_ policy: AgentPolicy) { self.policy = Mutex(policy) }

    var now: AgentPolicy { policy.withLock { $0 } }
    func set(_ new: AgentPolicy) { policy.withLock { $0 = new } }
}

/// Intervals and environment of an agent. Tests set other values.
package struct AgentTunables: Sendable {
    /// Seconds between two checks of a job.
    package var tick = 0.5
    /// Maximum seconds to wait for the metainfo from peers, before control is asked.
    package var metainfoPatience = 5.0
    /// Seconds until a job that lacks disk space is tried again.
    package var spaceRetry = 600.0
    /// Free bytes on the file system of a path; nil where that is unknown. Blocks.
    package var freeSpace: @Sendable (String) -> Int64? = { DiskSpace.free($0) }
    /// Seconds between two checks of a sent job's state at control.
    package var sendLook = 10.0
    /// Seconds between two attempts to start a job that this host sends.
    package var sendBegin = 2.0
    /// Maximum seconds for which content is seeded.
    package var longestService = 86_400.0
    /// The command that runs a ``HookWaiter``. The path of a ``HookDirectory`` is appended as its last argument.
    package var waiter = ["/proc/self/exe", HookWaiter.command]
    /// The address on which the engine listens, if the configuration file has no `listen`.
    package var listen: PeerAddress?
    /// Whether control also gets addresses of the loopback interface, for test networks on one host.
    package var tellsLoopback = false

    package init() {}
}

/// The files in an agent's data directory.
package struct AgentPlaces: Sendable, Hashable {
    package let data: String

    package init(data: String) { self.data = data }

    package var jobs: String { data + "/jobs" }
    package var sends: String { data + "/sends" }
    package var versions: String { data + "/versions" }
    package var site: String { data + "/site" }
    package var library: String { data + "/library.txt" }
    package var socket: String { data + "/agent.sock" }

    func job(_ id: String) -> String { "\(jobs)/\(id)" }
    func hook(_ id: String, attempt: Int64) -> String { "\(jobs)/\(id)/hook-\(attempt)" }
    func digests(_ id: String) -> String { "\(jobs)/\(id)/digests.json" }
    func torrent(_ id: String) -> String { "\(jobs)/\(id)/content.torrent" }
}
