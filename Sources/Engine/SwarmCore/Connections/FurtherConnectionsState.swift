/// The state of a peer with several connections. Its blocks arrive out of order, and a lost connection loses some of
/// them.
package struct FurtherConnectionsState: Sendable {
    /// Seconds after the loss of a connection during which blocks of other connections may still be in flight.
    package static let grace = 3.0
    /// Seconds between an unanswered request and a later request that was answered, after which the earlier one counts
    /// as lost.
    static let overtaken = 6.0
    /// Seconds without any answer after which requests that old count as lost. The peer may have continued to write
    /// blocks into a lost connection, and at the end of the download no later answer shows it.
    package static let silence = 4.0

    struct Loss: Sendable {
        let at: Double
        /// Time at which requests from before the loss that are still unanswered are sent again.
        let dueAt: Double
    }

    /// Number of connections, including the first.
    package var count = 1
    var losses: [Loss] = []
    /// Send time of the newest answered request.
    var newestAnswered = -Double.infinity
}
