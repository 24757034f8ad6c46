import Admission
import HTTPOrigin
import Logging
import PeerWire
import Reactor
import Storage
import SwarmCore
import TrackerClient

/// Shared state of all torrents of a process.
struct EngineContext {
    let loop: EventLoop
    let network: any StreamNetwork
    let pool: WorkerPool
    let staging: ReceiveStaging
    let limits: TransferLimits
    /// The budget for connections and their data.
    let admission: Admission
    let incoming: IncomingLimits
    let peerID: PeerID
    /// The listening address; any address and port 0 while no transfer uses peers.
    var listenAddress: SocketAddress
    let trackers: TrackerClient
    let webSeeds: WebSeedClient
    let logger: Logger
    /// Our version, for the extension handshake.
    let client: String
    let tunables: PeerConnection.Tunables
    /// The configuration of every torrent's machine, unless its options differ.
    let swarm: SwarmConfiguration
    let connectionLimits: ConnectionLimits
    let advice = LongPathAdvice()
    let syncPolicy: SyncPolicy
    /// Retry settings of a plan's sources.
    let sourceHealth: WebSeedHealth.Settings
}
