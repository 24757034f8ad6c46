import Address
import HTTPTransport
import Logging
import Registry
import Synchronization
import Threads

/// Knows the current list of origins, and by regular requests which of them answer. From both follows the ``placement``
/// of blobs.
package final class ClusterWatch: Sendable {
    /// An origin's description of itself.
    package struct Member: Sendable, Hashable {
        /// Random id of the origin's process: changes with each start.
        package let instance: String
        /// The address of the origin's engine.
        package let peers: PeerAddress?
    }

    private struct State {
        var hosts: [String] = []
        var own: String?
        var health: OriginHealth
        var members: [String: Member] = [:]
        var placement: Placement
        var onChange: (@Sendable () -> Void)?
        /// Work that waits for an origin, by number.
        var waits: [UInt64: Wait] = [:]
        var waitCount: UInt64 = 0
    }

    private struct Wait {
        let host: String
        let cancel: @Sendable () -> Void
    }

    /// Random id of this process.
    package let instance: String
    private let source: ClusterHosts
    private let settings: ClusterSettings
    private let peers: OriginPeers
    private let logger: Logger
    private let state: Mutex<State>
    private let tasks = Mutex<[Task<Void, Never>]>([])

    /// - Parameter own: this origin's entry in the list; nil to find it by asking all.
    package init(
        _ source: ClusterHosts, own: String?, peers: OriginPeers, settings: ClusterSettings, instance: String,
        logger: Logger
    ) {
        self.source = source
        self.settings = settings
        self.peers = peers
        self.instance = instance
        self.logger = logger
        var rules = OriginHealth.Rules()
        rules.failures = settings.healthFailures
        rules.successes = settings.healthSuccesses
        rules.repairAfter = settings.repairAfter
        rules.interval = settings.healthInterval
        var hosts: [String] = []
        if case .list(let list) = source { hosts = list.isEmpty ? own.map { [$0] } ?? [] : list }
        state = Mutex(
            State(
                hosts: hosts, own: own, health: OriginHealth(rules),
                placement: Placement(hosts: hosts, own: own, replicas: settings.replicas)))
    }

    package var placement: Placement { state.withLock(\.placement) }

    /// The last answer of another origin; nil before the first one.
    package func member(_ host: String) -> Member? { state.withLock { $0.members[host] } }

    /// Whether this is the address of the engine of a known origin.
    func isEngine(_ address: PeerAddress) -> Bool {
        state.withLock { $0.members.values.contains { $0.peers == address } }
    }

    /// The address of an origin's engine. Asks the origin if it has not answered yet; nil if it does not answer now
    /// either.
    func engine(of host: String) async -> PeerAddress? {
        if let known = member(host)?.peers { return known }
        return (try? await peers.member(host, within: settings.healthTimeout))?.peers
    }

    /// The addresses of several origins' engines, those of who have not answered yet asked for at the same time.
    func engines(of hosts: [String]) async -> [String: PeerAddress] {
        var found: [String: PeerAddress] = [:]
        for host in hosts { found[host] = member(host)?.peers }
        let unknown = hosts.filter { found[$0] == nil }
        guard !unknown.isEmpty else { return found }
        await withTaskGroup(of: (String, PeerAddress?).self) { group in
            for host in unknown { group.addTask { (host, await self.engine(of: host)) } }
            for await (host, engine) in group { found[host] = engine }
        }
        return found
    }

    /// Sets the function to call when the placement of blobs may have changed, or when an origin has restarted.
    package func onChange(_ body: @escaping @Sendable () -> Void) { state.withLock { $0.onChange = body } }

    /// Begins to ask origins, and to look up the list if it is a DNS name.
    package func start() async {
        if case .dns(let name, let port) = source { await resolve(name, port) }
        var running = [Task { await self.repeated(every: settings.healthInterval) { await self.askAll() } }]
        if case .dns(let name, let port) = source {
            running.append(
                Task { await self.repeated(every: settings.resolveInterval) { await self.resolve(name, port) } })
        }
        tasks.withLock { $0 = running }
    }

    package func stop() async {
        let running = tasks.withLock { $0 }
        for task in running { task.cancel() }
        for task in running { await task.value }
    }

    private func repeated(every seconds: Double, _ body: () async -> Void) async {
        while !Task.isCancelled {
            let begun = Clocks.steadySeconds
            await body()
            // What the round took is part of the interval.
            try? await Task.sleep(for: .seconds(max(0.01, begun + seconds - Clocks.steadySeconds)))
        }
    }

    // MARK: Health checks

    private func askAll() async {
        let (hosts, own) = state.withLock { ($0.hosts, $0.own) }
        // One that hangs is asked as often as the others, and holds none of them up.
        let patience = min(settings.healthTimeout, settings.healthInterval)
        await withTaskGroup(of: Void.self) { group in
            for host in hosts where host != own {
                group.addTask {
                    let member = try? await self.peers.member(host, within: patience)
                    if !Task.isCancelled { self.heard(host, member) }
                }
            }
        }
        refresh()
    }

    private func heard(_ host: String, _ member: Member?) {
        let (before, hasReturned) = state.withLock { state -> (Bool, Bool) in
            let before = state.health.isUp(host)
            guard state.hosts.contains(host) else { return (before, false) }
            guard let member else {
                state.health.failed(host, now: Clocks.steadySeconds)
                return (before, false)
            }
            if member.instance == instance {
                state.own = host
                return (before, true)
            }
            state.health.answered(host)
            let isOther = state.members.updateValue(member, forKey: host)?.instance != member.instance
            return (before, isOther || (!before && state.health.isUp(host)))
        }
        refresh(telling: hasReturned)
        let after = state.withLock { $0.health.isUp(host) }
        guard before != after else { return }
        logger.notice(
            after ? "an origin answers again" : "an origin does not answer", metadata: ["origin": "\(host)"])
    }

    private func refresh(telling isNews: Bool = false) {
        let (tell, vain) = state.withLock { state -> ((@Sendable () -> Void)?, [Wait]) in
            let new = Placement(
                hosts: state.hosts, own: state.own, replicas: settings.replicas, down: state.health.down,
                gone: state.health.gone(now: Clocks.steadySeconds))
            let changes = isNews || new.hosts != state.placement.hosts || new.gone != state.placement.gone
            state.placement = new
            return (changes ? state.onChange : nil, state.waits.values.filter { !new.isUp($0.host) })
        }
        for wait in vain { wait.cancel() }
        tell?()
    }

    // MARK: Work that waits for another origin

    /// Runs work that waits for the answer of an origin. Cancels it as soon as that origin counts as down, or the
    /// caller's task is cancelled. A frozen origin accepts connections and never answers: only health checks tell.
    func whileUp<Value: Sendable>(_ host: String, _ work: @escaping @Sendable () async -> Value) async -> Value {
        let task = Task(operation: work)
        let (number, isUp) = state.withLock { state in
            state.waitCount += 1
            state.waits[state.waitCount] = Wait(host: host) { task.cancel() }
            return (state.waitCount, state.placement.isUp(host))
        }
        defer { state.withLock { _ = $0.waits.removeValue(forKey: number) } }
        if !isUp { task.cancel() }
        return await withTaskCancellationHandler {
            await task.value
        } onCancel: {
            task.cancel()
        }
    }

    // MARK: The list of origins

    /// Replaces the list of origins.
    package func use(_ hosts: [String]) {
        let isNew = state.withLock { state -> Bool in
            guard Set(hosts) != Set(state.hosts) else { return false }
            state.hosts = Set(hosts).sorted()
            state.health.keep(hosts)
            state.members = state.members.filter { hosts.contains($0.key) }
            return true
        }
        guard isNew else { return }
        logger.notice("the list of origins has changed", metadata: ["origins": "\(hosts.joined(separator: " "))"])
        refresh()
    }

    /// Makes this origin the only one in the list.
    package func standAlone(as host: String) {
        state.withLock { ($0.hosts, $0.own) = ([host], host) }
        refresh()
    }

    private func resolve(_ name: String, _ port: UInt16) async {
        do {
            let found = try await SystemResolver.addresses(of: name, port: port).compactMap { address in
                address.ipAddress.flatMap { OriginName.parse($0.contains(":") ? "[\($0)]:\(port)" : "\($0):\(port)") }
            }
            // An empty answer of the name server must not empty the list.
            if !found.isEmpty { use(found) }
        } catch {
            logger.debug("the list of origins cannot be looked up", metadata: ["reason": "\(error)"])
        }
    }
}
