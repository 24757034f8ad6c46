/// Limits messages of one peer that change nothing or reverse its last one, such as repeated haves or changing
/// interest. Each costs the receiver some work, and honest peers send few.
///
/// A token bucket that begins full. Each such message takes a token. Tokens are added slowly, and for each piece that
/// the peer learns about from us, because it may become interested in that piece and have it a moment later.
package struct Chatter: Sendable {
    private static var most: Float { 1_000 }
    /// Messages per second.
    private static var rate: Float { 8 }
    private static var perPiece: Float { 4 }

    private var left = Self.most
    private var filledAt: Double
    private var missing: Int

    /// - Parameter missing: number of pieces that this host is missing.
    package init(missing: Int, now: Double) {
        filledAt = now
        self.missing = missing
    }

    /// Call when a piece was announced to this peer alone, as in super-seeding.
    package mutating func told() { left = min(Self.most, left + Self.perPiece) }

    /// - Returns: false if the peer sends too many.
    package mutating func heard(missing: Int, now: Double) -> Bool {
        let gained = max(0, self.missing - missing)
        left = min(Self.most, left + Float(max(0, now - filledAt)) * Self.rate + Float(gained) * Self.perPiece)
        filledAt = max(filledAt, now)
        self.missing = missing
        guard left >= 1 else { return false }
        left -= 1
        return true
    }
}
