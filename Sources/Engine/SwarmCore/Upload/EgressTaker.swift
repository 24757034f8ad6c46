/// What an origin knows of an agent that takes pieces: what it was sent, and whether others serve it.
package struct EgressTaker: Sendable {
    /// A piece that the agent is being sent, or was and has not announced.
    struct Sending: Sendable {
        /// Bytes that the agent may still request.
        var left: Int
        let at: Double
        var sentBytes = 0
        /// Time since which the agent has had all of the piece.
        var completeAt: Double?
        var isKept = false
    }

    private enum Constant {
        /// Number of pieces that an agent may keep for itself before it is served last.
        static let mostKept = 2
        /// Number of pieces that an agent may lack at a time.
        static let mostLacking = 64
    }

    /// Time at which the agent last announced a piece that it did not get from us, or at which it became interested.
    var servedAt: Double
    /// The agent has waited so long that it is served until this time, whatever others give it meanwhile.
    private(set) var entitledUntil = -Double.infinity
    var sending: [Int32: Sending] = [:]
    /// Requests of an agent without upload grants that wait until the budget allows them.
    var held: [BlockSpan] = []
    private var kept = 0
    private let since: Double
    /// Pieces that the agent says others do not deliver, and when it said so.
    var lacking: [Int32: Double] = [:]

    init(now: Double) { (servedAt, since) = (now, now) }

    /// The agent says that others have not delivered a piece for so long. It is not believed if it has not been here for that long, or
    /// was sent the piece.
    /// - Returns: whether it gets the piece.
    mutating func lacks(_ piece: Int, for seconds: Double, now: Double) -> Bool {
        guard now - since >= seconds, sending[Int32(piece)] == nil, lacking.count < Constant.mostLacking else {
            return false
        }
        lacking[Int32(piece)] = now
        return true
    }

    /// Whether the agent keeps what it is sent: it does not say that it has it, so that nobody can ask it.
    package var keepsPieces: Bool { kept >= Constant.mostKept }

    mutating func sent(_ span: BlockSpan) { sending[Int32(span.piece)]?.sentBytes += span.length }

    /// The agent has a new piece.
    /// - Returns: whether it was sent that piece by us.
    mutating func announced(_ piece: Int, now: Double) -> Bool {
        lacking[Int32(piece)] = nil
        guard let ours = sending.removeValue(forKey: Int32(piece)) else {
            servedAt = now
            return false
        }
        if ours.isKept { kept -= 1 }
        return true
    }

    /// Call a few times a second.
    /// - Parameters:
    ///   - patience: seconds after which a piece counts as kept, and the agent as not served by others.
    ///   - length: length of a piece.
    /// - Returns: pieces that the agent has kept since the last call.
    mutating func look(now: Double, patience: Double, length: (Int) -> Int) -> [Int] {
        if !lacking.isEmpty { lacking = lacking.filter { now - $0.value < 2 * patience } }
        if now - servedAt >= patience, now >= entitledUntil { entitledUntil = now + patience }
        var found: [Int] = []
        for (piece, state) in sending where !state.isKept && state.sentBytes >= length(Int(piece)) {
            if let completeAt = state.completeAt {
                guard now - completeAt >= patience else { continue }
                sending[piece]?.isKept = true
                kept += 1
                found.append(Int(piece))
            } else {
                sending[piece]?.completeAt = now
            }
        }
        return found.sorted()
    }
}
