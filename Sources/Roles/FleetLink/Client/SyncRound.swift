/// One round of the sync sequence: one number, sent once or several times, until its last sending is answered. Pure.
///
/// A request may wait at control for commands. If an event happens meanwhile, the agent sends the same number again
/// over its other connection. Control then answers the earlier request at once. What happens while a request is under way that
/// control answers at once waits for that answer: ten thousand agents that report a job's beginning need no second connection each.
package struct SyncRound: Sendable {
    /// Maximum number of unanswered sendings: the number of connections.
    package static let most = 2

    private var open: [Int] = []
    private var sent = 0
    /// The last sending, if control answers it at once.
    private var prompt: Int?
    /// There is something to report that no sending contains yet.
    private var isNews = true

    package init() {}

    package enum Action: Sendable, Hashable {
        /// Send the number, again if it was sent before. The value counts the sendings from 1.
        case send(Int)
        /// The last sending was answered, so the next number may be sent.
        case over
        /// The last sending failed.
        case failed
        case wait
    }

    /// Call when there is something new to report to control.
    package mutating func news() { isNews = true }

    package mutating func next() -> Action {
        guard isNews, open.count < Self.most, prompt == nil || prompt != open.last else { return .wait }
        isNews = false
        sent += 1
        open.append(sent)
        return .send(sent)
    }

    /// Call when a sending does not wait at control: it brings events that control takes, or asks for an answer at once.
    package mutating func isPrompt(_ sending: Int) { if sending == sent { prompt = sending } }

    /// Call when a sending was answered or failed.
    package mutating func ended(_ sending: Int, isGood: Bool) -> Action {
        guard let place = open.firstIndex(of: sending) else { return .wait }
        open.remove(at: place)
        // A later sending contains everything that this one did, and its answer has the same nonce.
        guard sending == sent else { return next() }
        return isGood ? .over : .failed
    }
}
