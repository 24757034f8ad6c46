import SwarmCore

/// A connection as seen from one of its ends.
package struct Link {
    package let key: PeerKey
    /// The host at the other end, and the slot of this connection there.
    package let other: Int32
    var otherSlot: Int32 = -1
    /// Unique among all connections of a simulation.
    package let serial: Int32
    /// A block is being sent, or waits for the receiver.
    var isSending = false
    /// Number of connections that carry the peer's blocks, and of those that this host is opening.
    package var connections = 1
    var opening = 0
    /// Time until which what was sent fills the connections, see ``Network/connectionWindow``.
    var fullUntil = 0.0
}

/// A simulated host: the program's decision values and their inputs.
package final class SimulatedHost {
    package let index: Int32
    let setup: Scenario.Host
    package var machine: SwarmMachine
    var book: PeerBook<Int32>
    /// Which connections join, and which peers are banned. In the simulator, a host's index is its peer id and its
    /// address.
    package var admission: PeerAdmission<Int32, Int32>
    var exchange: ExchangeLedger<Int32>
    package var efficiency: EfficiencyWatch
    var further: FurtherConnectionPlan<PeerKey>
    /// By the slot of the peer key.
    package var links: [Link?] = []
    var linkCount = 0
    var hearing = Hearing()
    var uplink: Uplink
    /// Connections that wait because ``Network/uploadsAtOnce`` others are sending.
    var waitingUploads: [(slot: Int32, serial: Int32)] = []
    var downlink: Pipe
    /// Pieces in the order in which this host finished them.
    var finishedPieces: [Int32] = []
    /// For each piece, the corrupt blocks and the host that sent each.
    var tainted: [Int: [Int: Int32]] = [:]
    var actions: [SwarmAction] = []
    package var isPresent = false
    var finishedAt: Double?
    var joinedAt = 0.0
    var ticks = 0
    var lastAnnounce = -Double.infinity
    var sent: Int64 = 0
    /// Time that was spent on hashing pieces.
    var effort = DiskEffort()

    init(index: Int, setup: Scenario.Host, machine: SwarmMachine, network: Network) {
        self.index = Int32(index)
        self.setup = setup
        self.machine = machine
        var limits = PeerBook<Int32>.Limits()
        limits.connections = network.connections
        book = PeerBook(limits: limits)
        admission = PeerAdmission(own: Int32(index))
        exchange = ExchangeLedger(
            interval: network.exchangeInterval, leastInterval: network.exchangeInterval / 2,
            most: network.mostExchanged)
        efficiency = EfficiencyWatch(now: setup.joinsAt, isSeed: machine.isFinished)
        further = FurtherConnectionPlan(limits: network.connectionLimits)
        uplink = Uplink(rate: setup.up)
        downlink = Pipe(rate: setup.down)
    }

    func link(_ key: PeerKey) -> Link? {
        guard links.indices.contains(Int(key.slot)), let link = links[Int(key.slot)], link.key == key else {
            return nil
        }
        return link
    }

    /// The next block to upload to a peer.
    func nextUpload(to key: PeerKey) -> BlockSpan? {
        // In place: a non-mutating call would first copy the machine, which is large.
        func look(_ machine: inout SwarmMachine) -> BlockSpan? { machine.peekUpload(to: key) }
        return look(&machine)
    }
}
