/// Slots of the choker that are free, counted once between two ticks and followed from then on: an interested peer gets
/// one at once without a look at all peers.
struct FreeSlots: Sendable {
    /// nil until somebody asks after a tick.
    private(set) var count: Int?

    mutating func counted(_ count: Int) { self.count = count }
    mutating func forget() { count = nil }
    /// A peer took one, or gave one back (less than 0).
    mutating func taken(_ slots: Int) { if let count { self.count = count - slots } }
}
