/// Messages of one peer that change nothing, or take back what it said last: a piece announced again, interest that
/// comes and goes. Each costs its host some work, and no honest peer sends many.
///
/// A bucket: it begins full, each such message takes one, and it fills slowly, and with each piece that the peer hears of
/// from its host: it may want that one, and have it a moment later.
struct Chatter: Sendable {
    private static var most: Float { 1_000 }
    /// Messages per second.
    private static var rate: Float { 8 }
    private static var perPiece: Float { 4 }

    private var left = Self.most
    private var filledAt: Double
    private var missing: Int

    /// - Parameter missing: pieces that the host of this peer lacks.
    init(missing: Int, now: Double) {
        filledAt = now
        self.missing = missing
    }

    /// The peer alone was told of a piece, as super-seeding does.
    mutating func told() { left = min(Self.most, left + Self.perPiece) }

    /// - Returns: false when it is too much.
    mutating func heard(missing: Int, now: Double) -> Bool {
        let gained = max(0, self.missing - missing)
        left = min(Self.most, left + Float(max(0, now - filledAt)) * Self.rate + Float(gained) * Self.perPiece)
        filledAt = max(filledAt, now)
        self.missing = missing
        guard left >= 1 else { return false }
        left -= 1
        return true
    }
}
