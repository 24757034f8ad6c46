import Metainfo
import Text

/// What the peers of our own site have, and what each of them fetches from outside it: that, nobody else of the site
/// does.
///
/// It must never keep more than one claim for a piece, nor let a peer that claims and does not fetch keep others from
/// it.
struct SiteClaims: Sendable {
    private enum Constant {
        /// Seconds after which a claim that was not repeated is over; and after which it is repeated.
        static let lifetime = 15.0
        static let repeating = 5.0
        /// Seconds after which a claim is over however often it is repeated.
        static let longest = 60.0
        /// Bytes of what one peer claims at a time. Our kind claims half of what it gathers at a time.
        static let mostBytes = 32 << 20
        /// So many claims more than it kept that a peer let lapse: no more of its claims are heard.
        static let mostBroken = 8
    }

    private struct Claim: Sendable {
        let key: PeerKey
        let number: UInt32
        let since: Double
        var heardAt: Double
    }

    private struct Record: Sendable {
        var open = 0
        var kept = 0
        var broken = 0
    }

    private let seed: UInt64
    /// Peers of our site that know claims. Without any, nobody is far.
    private(set) var members = 0
    /// Peers that are not of our site.
    private(set) var outsiders = 0
    /// Pieces that a near peer has.
    private(set) var held: PieceSet
    /// Pieces that a near peer claims.
    private(set) var claimed: PieceSet
    /// By piece, near peers that have it; empty before the first.
    private var holders: [UInt16] = []
    private var claims: [Int: Claim] = [:]
    private var records: [PeerKey: Record] = [:]
    /// Pieces that we fetch from far peers, and when we said so last.
    private var own: [Int: Double] = [:]

    /// Claims of one peer at a time.
    private let mostClaims: Int
    var supply = SiteSupply()

    init(pieceCount: Int, pieceLength: Int, seed: UInt64) {
        self.seed = seed
        mostClaims = max(2, Constant.mostBytes / max(1, pieceLength))
        held = PieceSet(size: pieceCount)
        claimed = PieceSet(size: pieceCount)
    }

    // MARK: Who is near

    mutating func memberCame() { members += 1 }

    mutating func memberLeft() { members -= 1 }

    mutating func outsiderCame() { outsiders += 1 }

    mutating func outsiderLeft() { outsiders -= 1 }

    /// There are near peers and far ones.
    var isDivided: Bool { members > 0 && outsiders > 0 }

    /// A near peer has a piece.
    mutating func gain(_ piece: Int) {
        if holders.isEmpty { holders = Array(repeating: 0, count: held.size) }
        holders[piece] &+= 1
        held.insert(piece)
    }

    /// A near peer has a piece no longer, or is gone.
    mutating func lose(_ piece: Int) {
        guard !holders.isEmpty, holders[piece] > 0 else { return }
        holders[piece] -= 1
        if holders[piece] == 0 { held.remove(piece) }
    }

    /// How many near peers have a piece.
    func copies(of piece: Int) -> Int { holders.isEmpty ? 0 : Int(holders[piece]) }

    // MARK: Claims of others

    /// A near peer fetches a piece from a far one.
    mutating func hear(_ piece: Int, from key: PeerKey, number: UInt32, now: Double) {
        if var claim = claims[piece] {
            if claim.key == key {
                guard now - claim.since < Constant.longest else { return }
                claim.heardAt = now
                claims[piece] = claim
                return
            }
            guard number < claim.number else { return }
            records[claim.key]?.open -= 1
        }
        let record = records[key] ?? Record()
        guard record.open < mostClaims, record.broken <= record.kept + Constant.mostBroken else {
            if claims[piece] != nil, let other = claims[piece]?.key { records[other]?.open += 1 }
            return
        }
        records[key, default: record].open += 1
        claims[piece] = Claim(key: key, number: number, since: now, heardAt: now)
        claimed.insert(piece)
    }

    /// The peer has what it claimed.
    mutating func keep(_ piece: Int, by key: PeerKey) {
        guard claimed.contains(piece), claims[piece]?.key == key else { return }
        records[key]?.kept += 1
        end(piece)
    }

    /// The peer is gone, or is near no longer.
    mutating func forget(_ key: PeerKey) {
        guard records.removeValue(forKey: key) != nil else { return }
        for piece in claims.filter({ $0.value.key == key }).keys { end(piece) }
    }

    /// Claims that were not repeated are over.
    mutating func expire(now: Double) {
        for (piece, claim) in claims where now - claim.heardAt > Constant.lifetime {
            records[claim.key]?.broken += 1
            end(piece)
        }
    }

    private mutating func end(_ piece: Int) {
        guard let claim = claims.removeValue(forKey: piece) else { return }
        records[claim.key]?.open -= 1
        claimed.remove(piece)
    }

    var claimCount: Int { claims.count }

    // MARK: Our own

    /// Pieces that we fetch from far peers.
    var ownCount: Int { own.count }

    func isOwn(_ piece: Int) -> Bool { !own.isEmpty && own[piece] != nil }

    /// Of two who claim one piece the one with the smaller number goes on: for each piece another, so that nobody goes
    /// ahead.
    func number(of piece: Int) -> UInt32 {
        var draw = SeededGenerator(seed: seed ^ UInt64(piece))
        return UInt32(truncatingIfNeeded: draw.next() >> 32)
    }

    /// - Returns: whether the others are to be told.
    mutating func take(_ piece: Int, now: Double) -> Bool {
        guard own[piece] == nil else { return false }
        own[piece] = now
        return true
    }

    func isDue(_ piece: Int, now: Double) -> Bool { own[piece].map { now - $0 >= Constant.repeating } ?? false }

    mutating func told(_ piece: Int, now: Double) { own[piece] = now }

    /// - Returns: whether it was ours.
    @discardableResult
    mutating func disown(_ piece: Int) -> Bool { own.removeValue(forKey: piece) != nil }

    // MARK: What follows

    /// Whether far peers are not to be asked for the piece: it is at our site, or comes there by another.
    func bars(_ piece: Int) -> Bool {
        guard supply.binds else { return false }
        if held.contains(piece) { return true }
        guard claimed.contains(piece) else { return false }
        return own[piece] == nil || (claims[piece]?.number ?? .max) < number(of: piece)
    }

    /// What of a far peer's pieces may be begun.
    func open(of holdings: PieceSet) -> PieceSet {
        supply.binds ? holdings.subtracting(held, claimed) : holdings
    }
}
