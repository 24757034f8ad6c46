import Address
import Fleet
import Swarm
import Text
import Threads

// The reports about this host to control.
extension FleetAgent {
    /// The progress of jobs that run on this host.
    package func figures() -> [JobFigures] {
        targets.compactMap { job, runner in
            let (now, record) = (runner.board.now, runner.file.now)
            guard record.life.stage != .ended || now.isSeeding, record.life.keptUntil == nil else { return nil }
            let total = record.offer.content.bytes
            return JobFigures(
                job: job, done: record.life.hasContent ? total : min(now.done, total), total: total, down: now.down,
                up: now.up, fromSite: now.sources.site, fromPeers: now.sources.peers,
                fromSources: now.sources.others)
        }
    }

    /// The facts of this host, for control.
    /// - Parameter name: the node's name; nil for the host name.
    package func facts(name: String? = nil) async -> HostFacts {
        await Self.facts(context.policy.configuration, name: name, addresses: await addresses)
    }

    /// The same, for a host that has no running agent yet.
    package static func facts(
        _ configuration: AgentConfiguration, name: String?, addresses: [PeerAddress] = []
    ) async -> HostFacts {
        let policy = AgentPolicy(configuration).reported
        let system = HostReport.system
        let free = await Threads.offload { policy.roots.map { max(0, DiskSpace.free($0) ?? 0) } }
        return HostFacts(
            name: name ?? HostReport.name, os: system.os, arch: system.arch, version: Product.version,
            timeZone: HostReport.timeZone, addresses: addresses, labels: configuration.labels, policy: policy,
            free: free, utcOffset: HostReport.utcOffset)
    }

    /// What changes all the time.
    package func moment() async -> HostMoment {
        let roots = context.policy.configuration.receive.roots
        // Whole MiB: what changes by less is not said anew.
        let free = await Threads.offload { roots.map { max(0, DiskSpace.free($0) ?? 0) & ~0xf_ffff } }
        return HostMoment(
            free: free, utcOffset: HostReport.utcOffset, tasks: Array(await tasks().prefix(HostMoment.mostTasks)))
    }

    /// The addresses at which peers can dial this host; empty with `listen: none`.
    var addresses: [PeerAddress] {
        get async {
            let named = context.policy.configuration.listen
            if case .some(.none) = named { return [] }
            guard let listen = await context.swarm.listenAddress else { return [] }
            guard listen.isUnspecified else {
                // What the agent's file names is told, loopback too: its fleet is on one host.
                let isTold = !listen.isLoopback || named != nil || context.settings.tellsLoopback
                return isTold ? [listen] : []
            }
            let found = HostReport.addresses(port: listen.port, loopback: context.settings.tellsLoopback)
            // Who can reach a host without a network is on it.
            return found.isEmpty ? HostReport.addresses(port: listen.port, loopback: true) : found
        }
    }
}
