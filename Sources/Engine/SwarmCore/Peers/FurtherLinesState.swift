/// A peer whose blocks come over several connections: out of order, and if one of them breaks, some never.
struct FurtherLinesState: Sendable {
    /// Seconds after the loss of a connection in which what came over others is still on its way.
    static let grace = 3.0
    /// Seconds by which a request is overtaken by others that were sent later, until it counts as lost.
    static let overtaken = 6.0
    /// Seconds without any answer, until what was asked so long ago counts as lost: where a connection has broken, the
    /// other side may have gone on putting blocks into it, and at the end nothing is left that could overtake them.
    static let silence = 4.0

    struct Loss: Sendable {
        let at: Double
        /// When what was asked before it and has not come is asked again.
        let dueAt: Double
    }

    /// Its connections, the first included.
    var lines = 1
    var losses: [Loss] = []
    /// When the newest request that was answered was sent.
    var newestAnswered = -Double.infinity
}
