import Admission
import HTTPOrigin
import Logging
import PeerWire
import Reactor
import Storage
import SwarmCore
import TrackerClient

/// What the torrents of one process share.
struct EngineContext {
    let loop: EventLoop
    let network: any StreamNetwork
    let pool: WorkerPool
    let staging: ReceiveStaging
    let limits: TransferLimits
    /// What strangers may take of this process.
    let admission: Admission
    let incoming: IncomingLimits
    let peerID: PeerID
    /// Where we listen; any address and no port while nobody wants peers.
    var listenAddress: SocketAddress
    let trackers: TrackerClient
    let webSeeds: WebSeedClient
    let logger: Logger
    /// Our version, for the extension handshake.
    let client: String
    let tunables: PeerConnection.Tunables
    /// Of every torrent's machine, where its options do not say otherwise.
    let swarm: SwarmConfiguration
    let connectionLimits: ConnectionLimits
    let advice = LongPathAdvice()
    let syncPolicy: SyncPolicy
    /// When sources of a plan that fail are asked again.
    let sourceHealth: WebSeedHealth.Settings
}
