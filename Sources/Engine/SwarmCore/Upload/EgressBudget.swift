import Metainfo

/// How often an origin has sent each piece, and what it may still send while agents could give the content to each
/// other.
///
/// An origin sends each piece once, see ``PieceDispatcher``. After that it leaves the content to the agents: it sends
/// second copies to a few agents at once, to an agent that has received nothing from others for a while within the
/// budget, and to one that has not for longer beyond it. So an agent always completes, whatever the others do or
/// claim: no agent can say anything by which another one gets less.
///
/// A pure value: it counts and judges. ``UploadScheduler`` applies its judgements.
package struct EgressBudget: Sendable {
    let limits: EgressLimits
    private(set) var share = OwnerShare()
    private let layout: ContentLayout
    /// Bytes sent of each piece.
    private var sent: [Int64]
    /// Bytes sent beyond one copy of each piece.
    package private(set) var extra: Int64 = 0
    package var takers: [PeerKey: EgressTaker] = [:]
    /// The greatest number of agents at the same time.
    private var mostTakers = 1
    private var helpRoom: Double
    /// Bytes of second copies that were allowed to few agents, because they were few for so long.
    private var earned = 0.0
    private var lookedAt: Double
    /// Agents that had everything have left, and pieces that only they had have not been dispatched again.
    var mayRestore = false
    /// Time at which an agent that had everything last left.
    var fullLeftAt = -Double.infinity
    /// While we are fetching the content: another origin is connected that has all of it, and bytes of pieces that agents asked for
    /// and get.
    var isOtherWhole = false
    private var promised: [Int: Int64] = [:]
    /// For each position among the owners, the time of the last new piece of its share; nil before the first agent.
    private var heardAt: [Double]?
    private(set) var silent: Set<Int> = []
    /// Whether something was sent to agents that pass on what they get, and when.
    private var isSendingToGivers = false
    private var sentToGiversAt = -Double.infinity
    /// Nil where the limits are no preference.
    private var supply: MutualSupply?

    init(_ limits: EgressLimits, layout: ContentLayout, now: Double) {
        self.limits = limits
        self.layout = layout
        sent = Array(repeating: 0, count: layout.pieceCount)
        lookedAt = now
        supply = limits.isPreference ? MutualSupply(now: now) : nil
        helpRoom = Double(layout.extent) * limits.mostHelp / 2
    }

    private var size: Int64 { layout.extent }

    private func length(of piece: Int) -> Int64 { Int64(layout.length(of: PieceIndex(unchecked: piece))) }

    // MARK: Counting

    mutating func sent(_ span: BlockSpan, to key: PeerKey) {
        takers[key]?.sent(span)
        supply?.sent(span.length)
        if takers[key]?.keepsPieces == false { isSendingToGivers = true }
        let once = length(of: span.piece)
        let before = sent[span.piece]
        sent[span.piece] = before + Int64(span.length)
        extra += max(0, sent[span.piece] - max(before, once))
    }

    /// Bytes sent of a piece.
    func sentBytes(of piece: Int) -> Int64 { sent[piece] }

    /// The agent wants something from now on.
    mutating func asks(_ key: PeerKey, now: Double) {
        guard takers[key] == nil else {
            takers[key]?.servedAt = now
            return
        }
        takers[key] = EgressTaker(now: now)
        mostTakers = max(mostTakers, takers.count)
        if heardAt == nil { heardAt = Array(repeating: now, count: share.count) }
    }

    /// - Parameter wasFull: the agent had everything, and gives it to others although it is not connected to us.
    mutating func left(_ key: PeerKey, wasFull: Bool, now: Double) {
        takers[key] = nil
        if takers.isEmpty { heardAt = nil }
        if wasFull { fullLeftAt = now }
        if mayOthersGive(now: now) { mayRestore = true }
    }

    /// Whether agents that are not connected to us give pieces, because they had everything when they left.
    func mayOthersGive(now: Double) -> Bool { now - fullLeftAt < Self.memory }

    /// Seconds for which agents that had everything when they left are expected to give it.
    private static let memory = 60.0

    /// The agent has a new piece.
    /// - Parameter isFirst: no other connected peer has it.
    mutating func announced(_ piece: Int, by key: PeerKey, isFirst: Bool, now: Double) {
        if isFirst, sent[piece] == 0 {
            let owner = share.owner(of: piece)
            heardAt?[owner] = now
        }
        guard takers[key]?.announced(piece, now: now) == false else { return }
        let gained = length(of: piece)
        supply?.gained(gained)
    }

    // MARK: Judgements

    /// Whether agents get less from each other than we could send, and copies are to be saved only where that costs no time.
    var isScarce: Bool { supply?.isScarce == true }

    /// Whether the agent has received nothing from others for so long.
    func isStarved(_ key: PeerKey, for seconds: Double, now: Double) -> Bool {
        takers[key].map { now - $0.servedAt >= seconds || now < $0.entitledUntil } ?? false
    }

    /// Whether another copy of the piece is within the budget. Of the pieces of another origin's share, that one sends
    /// the first copy.
    func isWithin(_ piece: Int) -> Bool {
        let copies = isOurs(piece) ? limits.copies : limits.copies - 1
        let once = length(of: piece)
        return Double(sent[piece] + once) <= copies * Double(once)
    }

    /// Whether second copies may be sent to any agent now, because there are few.
    /// - Parameter promised: bytes that are granted and have not been sent.
    func isFree(promised: Int) -> Bool {
        let few = min(1, limits.fewAgents / Double(mostTakers))
        return Double(extra) + Double(promised) < min(mostExtra, mostExtra * limits.mostHelp * few * few + earned)
    }

    /// Bytes of second copies that we may send within the budget.
    private var mostExtra: Double { Double(size) * (limits.copies - 1) / Double(share.count) }

    /// Number of second copies of a piece that may be sent to agents that have waited for ``EgressLimits/shortPatience``.
    var help: Int {
        guard Double(extra) < mostExtra else { return 0 }
        return Int(helpRoom / Double(layout.pieceLength))
    }

    mutating func helped() { helpRoom -= Double(layout.pieceLength) }

    /// Call a few times a second.
    mutating func look(now: Double) {
        let gain = max(0, now - lookedAt) * Double(size) * limits.helpPerSecond
        lookedAt = now
        supply?.look(now: now)
        if isSendingToGivers { (isSendingToGivers, sentToGiversAt) = (false, now) }
        helpRoom = min(max(Double(size) * limits.mostHelp, 2 * Double(layout.pieceLength)), helpRoom + gain)
        if !takers.isEmpty, Double(takers.count) <= limits.fewAgents { earned = min(mostExtra, earned + gain) }
    }

    /// Whether an agent is served only after others.
    func isLast(_ key: PeerKey, now: Double) -> Bool {
        takers[key]?.keepsPieces == true && now - sentToGiversAt < Self.idle
    }

    /// Seconds without a byte to other agents after which agents that keep what they get are served.
    private static let idle = 1.0

    // MARK: While we are fetching the content

    /// Whether an agent may have a block of what is here already: as long as no other origin has everything, so often as the budget
    /// says; and again when all that was asked for has been sent and nobody has it any more.
    func mayPromise(_ span: BlockSpan, isHeld: Bool) -> Bool {
        guard !isOtherWhole else { return false }
        let before = promised[span.piece] ?? 0
        if Double(before) + Double(span.length) <= limits.copies * Double(length(of: span.piece)) { return true }
        return !isHeld && sent[span.piece] >= before
    }

    mutating func promised(_ span: BlockSpan) { promised[span.piece, default: 0] += Int64(span.length) }

    // MARK: Other origins

    /// - Returns: whether it has changed.
    mutating func setShare(_ share: OwnerShare, now: Double) -> Bool {
        guard share != self.share else { return false }
        self.share = share
        silent = []
        if heardAt != nil { heardAt = Array(repeating: now, count: share.count) }
        return true
    }

    /// Whether we give the first copy of a piece.
    func isOurs(_ piece: Int) -> Bool {
        share.isOurs(piece, silent: silent)
    }

    /// Judges which of the other origins are silent.
    /// - Parameter isLacking: whether no connected peer has the piece.
    /// - Returns: whether that has changed.
    mutating func findSilent(now: Double, isLacking: (Int) -> Bool) -> Bool {
        guard share.count > 1, let heardAt else { return false }
        var found: Set<Int> = []
        for owner in 0..<share.count where owner != share.index && now - heardAt[owner] >= limits.silence {
            if stride(from: owner, to: layout.pieceCount, by: share.count).contains(where: isLacking) {
                found.insert(owner)
            } else {
                self.heardAt?[owner] = now
            }
        }
        // An origin stays silent until a piece of its share comes that we did not send.
        guard found != silent else { return false }
        silent = found
        return true
    }
}
