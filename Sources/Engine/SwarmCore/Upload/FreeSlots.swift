/// The number of free upload slots. Counted at most once between two ticks and updated after that, so that an
/// interested peer gets a slot at once without examining all peers.
struct FreeSlots: Sendable {
    /// nil until it is needed after a tick.
    private(set) var count: Int?

    mutating func counted(_ count: Int) { self.count = count }
    mutating func forget() { count = nil }
    /// A peer took a slot, or returned one (negative).
    mutating func taken(_ slots: Int) { if let count { self.count = count - slots } }
}
