import Fleet
import FleetStore

extension Roster {
    /// What is known of one node.
    struct Seat: Sendable {
        var record: NodeRecord
        /// Nil until the node has synced with this control.
        var sequence: SyncSequence?
        /// When the node last synced with this control, in seconds since 1970 by control's clock; 0 if it has not.
        var heard = 0.0
        /// When another control of the database said last that it hears of the node.
        var elsewhere: (control: String, at: Double)?
        var isAway = true
        /// When control has started, where nothing was heard of the node since: it may be away without anybody knowing.
        var awaitedSince: Double?
        /// Seconds by which the node's clock is ahead of control's.
        var clock = 0.0
        /// Free bytes on the disks of its roots, as last reported.
        var free: [Int64] = []
        var utcOffset: Int64?
        /// BFT tasks of a delivery node in the agent's process.
        var tasks: [HostTask] = []
        var outbox = Outbox()
        /// Has synced since this was last written to the database, and when that was, in seconds since 1970.
        var isUnwritten = false
        var written = 0.0
    }

    /// The place of a node among all, by its name.
    struct NameKey: Sendable, Hashable {
        let id: NodeID
        let text: String

        init(_ record: NodeRecord) {
            id = record.id
            text = "\(record.name)\u{1}\(record.id)"
        }
    }
}
