import SwarmCore

/// A connection as one of its ends sees it.
struct Link {
    let key: PeerKey
    /// The host at the other end, and this connection's slot there.
    let other: Int32
    var otherSlot: Int32 = -1
    /// Never used twice.
    let serial: Int32
    /// A block is on the line, or waits for the receiver.
    var isSending = false
}

/// A host: the program's decisions, and what they act on.
final class SimulatedHost {
    let index: Int32
    let line: Scenario.Host
    var machine: SwarmMachine
    var book: PeerBook<Int32>
    /// Which connections join, and which peers are banned. A host is its own id and its own address here.
    var admission: PeerAdmission<Int32, Int32>
    var exchange: ExchangeLedger<Int32>
    /// By the slot of the peer's key.
    var links: [Link?] = []
    var linkCount = 0
    var hearing = Hearing()
    var uplink: Uplink
    var news = UplinkNews()
    /// Connections that wait until others have sent their piece, see ``Network/uploadsAtOnce``.
    var turns: [(slot: Int32, serial: Int32)] = []
    var downlink: Pipe
    /// Pieces in the order in which they were finished here.
    var finishedPieces: [Int32] = []
    /// By piece, the blocks that are false and the host that sent each.
    var tainted: [Int: [Int: Int32]] = [:]
    var actions: [SwarmAction] = []
    var isPresent = false
    var finishedAt: Double?
    var joinedAt = 0.0
    var lastAnnounce = -Double.infinity
    var sent: Int64 = 0

    init(index: Int, line: Scenario.Host, machine: SwarmMachine, network: Network) {
        self.index = Int32(index)
        self.line = line
        self.machine = machine
        var limits = PeerBook<Int32>.Limits()
        limits.connections = network.connections
        book = PeerBook(limits: limits)
        admission = PeerAdmission(own: Int32(index))
        exchange = ExchangeLedger(
            interval: network.exchangeInterval, leastInterval: network.exchangeInterval / 2,
            most: network.mostExchanged)
        uplink = Uplink(rate: line.up)
        downlink = Pipe(rate: line.down)
    }

    func link(_ key: PeerKey) -> Link? {
        guard links.indices.contains(Int(key.slot)), let link = links[Int(key.slot)], link.key == key else {
            return nil
        }
        return link
    }

    /// What comes next for a peer.
    func nextUpload(to key: PeerKey) -> BlockSpan? {
        // In place: a call that only reads the machine, which is big, would copy it first.
        func look(_ machine: inout SwarmMachine) -> BlockSpan? { machine.peekUpload(to: key) }
        return look(&machine)
    }
}
