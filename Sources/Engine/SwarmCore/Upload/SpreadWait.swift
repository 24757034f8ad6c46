/// Waiting for pieces that were dispatched and have not been announced: a peer with a grant would now choose just those.
struct SpreadWait: Sendable {
    /// Maximum seconds to wait, because some peer may be slow.
    private static let most = 2.0

    /// Time since which all pieces have been dispatched while some have not been announced.
    private var since: Double?

    mutating func isAwaited(of dispatcher: PieceDispatcher?, _ now: Double) -> Bool {
        guard let dispatcher, dispatcher.hasGivenAll, !dispatcher.hasSpread else {
            since = nil
            return false
        }
        let start = since ?? now
        since = start
        return now - start < Self.most
    }
}
