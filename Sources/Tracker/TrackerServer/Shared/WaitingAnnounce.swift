import Address
import CLinux
import Tracking

/// An announce as the loop answers it.
struct HeardAnnounce {
    let announce: PeerAnnounce
    /// Where the peer listens.
    let address: PeerAddress
    let wish: PeerWish
    /// What an agent of a registry says besides.
    let registry: RegistryAnnounce?
}

/// An announce that was recorded, and whose reply waits for what the trackers share.
struct WaitingAnnounce {
    /// To whom the reply goes.
    enum Asker {
        case datagram(socket: Int32, family: PeerAddress.Family, transaction: UInt32, to: swoop_return)
        /// A connection, unless another one has its descriptor by then.
        case connection(
            descriptor: Int32, serial: UInt64, keepsAlive: Bool, isVersion10: Bool, family: PeerAddress.Family)
    }

    let heard: HeardAnnounce
    let asker: Asker
}
