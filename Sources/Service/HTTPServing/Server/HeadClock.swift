/// The deadline by which a connection must have sent the rest of its request. Pure: the caller passes the time.
///
/// The deadline for a request's head counts from the start of the connection, or from the first byte of the next
/// request; further bytes do not extend it. The rest of a request whose response has been sent has the same time limit.
/// Idle time between requests is limited elsewhere.
package struct HeadClock: Sendable {
    private enum State {
        case head(until: Double)
        /// Between two requests: no byte of the next has arrived.
        case quiet
        /// A request is being read or answered.
        case request
        /// The response has been sent, and the request has not ended.
        case rest(until: Double)
    }

    /// Seconds.
    package let limit: Double
    private var state: State
    private var unanswered = 0
    private var isRequestOpen = false

    package init(limit: Double, now: Double) {
        self.limit = limit
        state = .head(until: now + limit)
    }

    /// Time at which to close the connection if nothing changes; nil while there is no deadline.
    package var deadline: Double? {
        switch state {
        case .head(let until), .rest(let until): until
        case .quiet, .request: nil
        }
    }

    /// Whether responses are in progress.
    package var isAnswering: Bool { unanswered > 0 }

    package mutating func bytesCame(now: Double) {
        if case .quiet = state { state = .head(until: now + limit) }
    }

    /// The head of a request is complete.
    package mutating func headCame() {
        unanswered += 1
        isRequestOpen = true
        state = .request
    }

    /// The request is complete, including its body.
    package mutating func requestEnded() {
        isRequestOpen = false
        if case .rest = state { state = .quiet }
    }

    /// The last byte of a response has been passed on for sending.
    package mutating func answered(now: Double) {
        unanswered = max(0, unanswered - 1)
        guard unanswered == 0 else { return }
        state = isRequestOpen ? .rest(until: now + limit) : .quiet
    }
}
