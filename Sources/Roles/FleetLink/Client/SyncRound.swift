/// One number of the sequence: sent once or more, until its last sending is answered. Pure.
///
/// A request waits at control. What happens meanwhile is said by sending the number again over the other connection; control then
/// ends the wait of the earlier one.
package struct SyncRound: Sendable {
    /// Sendings that may be under way at a time: as many as connections.
    package static let most = 2

    private var open: [Int] = []
    private var sent = 0
    /// Something is to be said that no sending carries.
    private var isNews = true

    package init() {}

    package enum Action: Sendable, Hashable {
        /// Send the number (once more).
        case send(Int)
        /// The last sending was answered: the next number may be sent.
        case over
        /// The last sending failed.
        case failed
        case wait
    }

    /// Something happened that control is to hear of.
    package mutating func news() { isNews = true }

    package mutating func next() -> Action {
        guard isNews, open.count < Self.most else { return .wait }
        isNews = false
        sent += 1
        open.append(sent)
        return .send(sent)
    }

    /// A sending was answered, or failed.
    package mutating func ended(_ sending: Int, isGood: Bool) -> Action {
        guard let place = open.firstIndex(of: sending) else { return .wait }
        open.remove(at: place)
        // One that was sent later has said it all, and will be answered with the same nonce.
        guard sending == sent else { return next() }
        return isGood ? .over : .failed
    }
}
