import Address
import Admission
import HTTPOrigin
import Logging
import PeerWire
import Reactor
import Storage
import SwarmCore
import TrackerClient

/// What the torrents share that are pinned to one loop. The loop's own are the staging memory and its view of the limits; the
/// rest is the process's, whichever loop uses it. Bans, addresses of peers and what is told about them (peer exchange) are a
/// torrent's own, and not here.
struct EngineContext {
    let loop: EventLoop
    let network: any StreamNetwork
    let pool: WorkerPool
    let staging: ReceiveStaging
    /// Of the process, as this loop keeps to them.
    let limits: TransferLimits
    /// The budget for connections and their data.
    let admission: Admission
    let incoming: IncomingLimits
    let peerID: PeerID
    /// Where we listen; any address and no port while nobody wants peers.
    var listenAddress: PeerAddress
    /// Nil while peers cannot dial us.
    var listenPort: UInt16? { listenAddress.port == 0 ? nil : listenAddress.port }
    let trackers: TrackerClient
    let webSeeds: WebSeedClient
    let logger: Logger
    /// Our version, for the extension handshake.
    let client: String
    let tunables: PeerConnection.Tunables
    /// The configuration of every torrent's machine, unless its options differ.
    let swarm: SwarmConfiguration
    let connectionLimits: ConnectionLimits
    var advice = CongestionAdvice()
    /// Bytes of blocks that peers were sent.
    var sent = SentBytes()
    let syncPolicy: SyncPolicy
    /// Retry settings of a plan's sources.
    let sourceHealth: WebSeedHealth.Settings
    /// Where a torrent's random choices begin; nil for the system's random numbers.
    var seed: UInt64?
}
