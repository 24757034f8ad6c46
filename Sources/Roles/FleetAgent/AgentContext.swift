import Address
import Fleet
import Jobs
import Logging
import Policy
import Swarm
import Threads

/// What all jobs of an agent share.
struct AgentContext: Sendable {
    let places: AgentPlaces
    let policy: AgentPolicy
    let link: any AgentLink
    let swarm: SwarmNode
    let clock: any JobClock
    let logger: Logger
    let settings: AgentTunables
    let publications: Turns
    let checks: Turns
    let published: PublishedPlaces
    let stores: AgentStores
    let site: SiteMemory
    /// What jobs put on this host: it is copied, not transferred again.
    let library: any ContentLibrary

    /// Control's clock, in seconds since 1970.
    var controlTime: Double { get async { clock.now.wall.seconds - (await link.difference.seconds) } }

    func host(_ options: TransferOptions) -> JobHost {
        JobHost(
            swarm: swarm, transferOptions: options, library: library, clock: clock, logger: logger,
            settings: JobSettings(tick: settings.tick), publications: publications, checks: checks)
    }

    /// Options of every torrent.
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

/// Times of an agent, and what its surroundings give it.
package struct AgentTunables: Sendable {
    /// Seconds between two looks at a job.
    package var tick = 0.5
    /// Seconds for peers to give the metainfo, before control is asked.
    package var metainfoPatience = 5.0
    /// Seconds between two looks at a lack of space.
    package var spaceRetry = 600.0
    /// Seconds for which content is given on at most.
    package var longestService = 86_400.0
    /// The words of the command that waits for hooks; the path of a ``HookDirectory`` is put behind them.
    package var waiter = ["/proc/self/exe", HookWaiter.command]
    /// Where peers reach this host, where the agent's file does not say it.
    package var listen: PeerAddress?
    /// Also addresses of the loopback interface are told to control: for networks on one host.
    package var tellsLoopback = false

    package init() {}
}

/// Where an agent keeps what it has to remember.
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
