import Address
import Admission
import HTTPOrigin
import Logging
import PeerWire
import Reactor
import SwarmCore
import TrackerClient

/// What all torrents of a process share, on whichever loop they live.
struct NodeParts: Sendable {
    let network: TCPNetwork
    let pool: WorkerPool
    let admission: Admission
    let peerID: PeerID
    /// Where we listen; any address and no port while nobody wants peers.
    var listenAddress: PeerAddress
    let trackers: TrackerClient
    let webSeeds: WebSeedClient
    let logger: Logger
    let configuration: SwarmNode.Configuration
    let advice = CongestionAdvice()

    /// - Parameter limits: those of the process, as this loop keeps to them.
    func context(on loop: EventLoop, limits: TransferLimits) -> EngineContext {
        var health = WebSeedHealth.Settings()
        health.retry = configuration.sourceRetry
        health.longestRetry = configuration.longestSourceRetry
        return EngineContext(
            loop: loop, network: network, pool: pool, staging: ReceiveStaging(length: 2 << 20), limits: limits,
            admission: admission, incoming: configuration.incoming, peerID: peerID, listenAddress: listenAddress,
            trackers: trackers, webSeeds: webSeeds, logger: logger, client: configuration.client,
            tunables: configuration.connection, swarm: configuration.swarm,
            connectionLimits: configuration.connectionLimits, advice: advice,
            syncPolicy: configuration.syncPolicy, sourceHealth: health)
    }
}
