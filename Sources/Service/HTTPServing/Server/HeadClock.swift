/// By when a connection must have sent what it owes. Pure: the caller tells the time.
///
/// A request's head is due so long after the connection was made, or after the first byte of the next request; more bytes
/// do not put that off. So is the rest of a request whose answer has been sent already. How long a connection may be
/// silent between requests is another's to say.
struct HeadClock: Sendable {
    private enum State {
        case head(until: Double)
        /// Between two requests: no byte of the next has come.
        case quiet
        /// A request is being read or answered.
        case request
        /// The answer is out and the request has not ended.
        case rest(until: Double)
    }

    /// Seconds.
    let limit: Double
    private var state: State
    private var unanswered = 0
    private var isRequestOpen = false

    init(limit: Double, now: Double) {
        self.limit = limit
        state = .head(until: now + limit)
    }

    /// When the connection is to be closed if nothing changes; nil while it owes nothing.
    var deadline: Double? {
        switch state {
        case .head(let until), .rest(let until): until
        case .quiet, .request: nil
        }
    }

    /// Whether answers are under way.
    var isAnswering: Bool { unanswered > 0 }

    mutating func bytesCame(now: Double) {
        if case .quiet = state { state = .head(until: now + limit) }
    }

    /// The head of a request is complete.
    mutating func headCame() {
        unanswered += 1
        isRequestOpen = true
        state = .request
    }

    /// The request is complete, body and all.
    mutating func requestEnded() {
        isRequestOpen = false
        if case .rest = state { state = .quiet }
    }

    /// The last byte of an answer has been handed over for sending.
    mutating func answered(now: Double) {
        unanswered = max(0, unanswered - 1)
        guard unanswered == 0 else { return }
        state = isRequestOpen ? .rest(until: now + limit) : .quiet
    }
}
