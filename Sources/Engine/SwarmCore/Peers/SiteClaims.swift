import Metainfo
import Text

/// What the peers of our own site have, and what each of them fetches from outside it: that, nobody else of the site
/// does.
///
/// Must never keep more than one claim for a piece, nor let a peer that claims pieces without downloading them keep
/// other peers from them.
package struct SiteClaims: Sendable {
    private enum Constant {
        /// Seconds after which a claim that was not repeated expires, and seconds between repetitions.
        static let lifetime = 15.0
        static let repeating = 5.0
        /// Maximum duration of a claim in seconds, however often it is repeated.
        static let longest = 60.0
        /// Bytes of the pieces that one peer may claim at the same time. A Swoop host claims at most half of its open
        /// pieces.
        static let mostBytes = 32 << 20
        /// Maximum excess of a peer's expired claims over its kept ones. After that its claims are ignored.
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
    /// Number of peers at our site that support claims. Without any, no peer counts as far.
    package private(set) var members = 0
    /// Number of peers outside our site.
    package private(set) var outsiders = 0
    /// Pieces that a near peer has.
    package private(set) var held: PieceSet
    /// Pieces that a near peer claims.
    package private(set) var claimed: PieceSet
    /// For each piece, the number of near peers that have it; empty before the first.
    private var holders: [UInt16] = []
    private var claims: [Int: Claim] = [:]
    private var records: [PeerKey: Record] = [:]
    /// Pieces that we download from far peers, with the time of our last claim.
    private var own: [Int: Double] = [:]

    /// Maximum number of claims of one peer.
    private let mostClaims: Int
    package var supply = SiteSupply()

    package init(pieceCount: Int, pieceLength: Int, seed: UInt64) {
        self.seed = seed
        mostClaims = max(2, Constant.mostBytes / max(1, pieceLength))
        held = PieceSet(size: pieceCount)
        claimed = PieceSet(size: pieceCount)
    }

    // MARK: Near peers

    mutating func memberCame() { members += 1 }

    mutating func memberLeft() { members -= 1 }

    mutating func outsiderCame() { outsiders += 1 }

    mutating func outsiderLeft() { outsiders -= 1 }

    /// Whether there are near peers and far ones.
    package var isDivided: Bool { members > 0 && outsiders > 0 }

    /// A near peer has a piece.
    package mutating func gain(_ piece: Int) {
        if holders.isEmpty { holders = Array(repeating: 0, count: held.size) }
        holders[piece] &+= 1
        held.insert(piece)
    }

    /// A near peer no longer has a piece, or has left.
    package mutating func lose(_ piece: Int) {
        guard !holders.isEmpty, holders[piece] > 0 else { return }
        holders[piece] -= 1
        if holders[piece] == 0 { held.remove(piece) }
    }

    /// Number of near peers that have a piece.
    package func copies(of piece: Int) -> Int { holders.isEmpty ? 0 : Int(holders[piece]) }

    // MARK: Claims of others

    /// A near peer claims a piece, which it downloads from a far peer.
    package mutating func hear(_ piece: Int, from key: PeerKey, number: UInt32, now: Double) {
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

    /// The peer has the piece that it claimed.
    package mutating func keep(_ piece: Int, by key: PeerKey) {
        guard claimed.contains(piece), claims[piece]?.key == key else { return }
        records[key]?.kept += 1
        end(piece)
    }

    /// The peer has left, or is no longer near.
    package mutating func forget(_ key: PeerKey) {
        guard records.removeValue(forKey: key) != nil else { return }
        for piece in claims.filter({ $0.value.key == key }).keys { end(piece) }
    }

    /// Ends claims that were not repeated in time.
    package mutating func expire(now: Double) {
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

    package var claimCount: Int { claims.count }

    // MARK: Our own claims

    /// Number of pieces that we download from far peers.
    package var ownCount: Int { own.count }

    func isOwn(_ piece: Int) -> Bool { !own.isEmpty && own[piece] != nil }

    /// If two hosts claim a piece, the host with the smaller number continues. The number depends on the piece, so that
    /// no host always wins.
    package func number(of piece: Int) -> UInt32 {
        var draw = SeededGenerator(seed: seed ^ UInt64(piece))
        return UInt32(truncatingIfNeeded: draw.next() >> 32)
    }

    /// - Returns: whether to send the claim to the near peers.
    package mutating func addOwn(_ piece: Int, now: Double) -> Bool {
        guard own[piece] == nil else { return false }
        own[piece] = now
        return true
    }

    package func isDue(_ piece: Int, now: Double) -> Bool { own[piece].map { now - $0 >= Constant.repeating } ?? false }

    package mutating func told(_ piece: Int, now: Double) { own[piece] = now }

    /// - Returns: whether we had claimed the piece.
    @discardableResult
    package mutating func disown(_ piece: Int) -> Bool { own.removeValue(forKey: piece) != nil }

    // MARK: Effect on requests

    /// Whether the piece must not be requested from far peers: it is at our site, or another host of the site downloads
    /// it.
    package func bars(_ piece: Int) -> Bool {
        guard supply.binds else { return false }
        if held.contains(piece) { return true }
        guard claimed.contains(piece) else { return false }
        return own[piece] == nil || (claims[piece]?.number ?? .max) < number(of: piece)
    }

    /// The pieces of a far peer that may be begun.
    package func open(of holdings: PieceSet) -> PieceSet {
        supply.binds ? holdings.subtracting(held, claimed) : holdings
    }
}
