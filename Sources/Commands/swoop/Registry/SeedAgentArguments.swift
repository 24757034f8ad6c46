import Address
import ArgumentParser
import BlobNode
import RegistryAccess
import RegistrySettings
import Tracking

/// Options that correspond to the flags of Kraken's agent.
struct SeedAgentArguments: ParsableArguments, Sendable {
    @Option(help: ArgumentHelp("The address to announce to other hosts.", valueName: "ip"))
    var peerIp: String?

    @Option(help: ArgumentHelp("The port of --peers, at all addresses. Default: 16001.", valueName: "port"))
    var peerPort: UInt16?

    @Option(help: ArgumentHelp("The port for programs of this host. Default: 16002.", valueName: "port"))
    var agentServerPort: UInt16?

    @Option(help: ArgumentHelp("The port for container programs. Default: 16000.", valueName: "port"))
    var agentRegistryPort: UInt16?

    var peers: PeerAddress? { peerPort.map { PeerAddress(ipv6High: 0, low: 0, port: $0) } }

    /// The address to announce to other hosts. Nil for a loopback address, which they cannot reach: they then use the
    /// address that this host's packets come from.
    var announced: String? {
        get throws {
            guard let peerIp, !peerIp.isEmpty, !HostName.isLoopback(peerIp) else { return nil }
            do { return try AddressArgument.host(peerIp) } catch {
                throw Failure(.usage, "--peer-ip: \(error)")
            }
        }
    }

    /// Ports of the API and for container programs.
    /// - Parameter usual: the two default ports, in this order.
    func ports(_ usual: [Int]) -> [Int] {
        [agentServerPort.map { Int($0) } ?? usual[0], agentRegistryPort.map { Int($0) } ?? usual[1]]
    }

    /// Whether any port was given: Kraken's agent needs all of them.
    var isGiven: Bool { agentServerPort != nil || agentRegistryPort != nil || peerPort != nil }
}

extension RoleConfiguration {
    var cacheDirectory: String? { values.store.cacheDirectory ?? values.data }

    /// The first URL that an agent asks: the key `registry`, else the index that Kraken's files name or imply.
    func registryURL(_ named: SeedAgentArguments) -> String? {
        if let registry = values.registry { return registry }
        let scheme = values.tls.authorities.isEmpty || values.tls.client.isDisabled ? "http" : "https"
        if let index = values.buildIndex.fixed.first { return "\(scheme)://\(index)" }
        if let dns = values.buildIndex.dns { return "\(scheme)://\(dns)" }
        return place.path != nil || named.isGiven ? "\(scheme)://127.0.0.1:15004" : nil
    }

    /// Whether the agent answers requests from a remote address; nil for all addresses.
    var allows: (@Sendable (String) -> Bool)? {
        guard !values.allowed.isEmpty else { return nil }
        return { [ranges = values.allowed] text in
            PeerAddress(host: text, port: 1).map { address in ranges.contains { $0.contains(address) } } ?? false
        }
    }

    /// The programs of this host that the agent pulls for.
    func localAccess() throws -> RegistryAccess {
        if values.local == .open { return values.host == nil ? .local : try access() }
        if values.local == .token, values.tokens.isEmpty {
            throw Failure(.usage, "with 'local: token' an agent needs the key 'tokens'")
        }
        return try access()
    }

    func fill(_ bounds: inout CacheBounds) {
        let cleanup = values.store.cleanup
        if let max = values.cache.max { bounds.most = max.part }
        if let threshold = cleanup.aggressiveThreshold, threshold > 0 {
            bounds.keepFree = .share(Double(100 - threshold) / 100)
        }
        if let keepFree = values.cache.keepFree { bounds.keepFree = keepFree.part }
        if let tti = values.cache.tti ?? cleanup.tti { bounds.unusedFor = tti }
        if let ttl = cleanup.ttl { bounds.keptFor = ttl }
        if cleanup.isDisabled { (bounds.unusedFor, bounds.keptFor) = (.infinity, .infinity) }
    }
}

extension SizeOrShare {
    fileprivate var part: CacheBounds.Size {
        switch self {
        case .bytes(let bytes): .bytes(bytes)
        case .share(let share): .share(share)
        }
    }
}
