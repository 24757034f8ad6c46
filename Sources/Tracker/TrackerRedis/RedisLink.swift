import DequeModule

/// The life of the connection to a store, without the connection: what has been asked, what is late, when to try again. Pure; times
/// are milliseconds.
struct RedisLink {
    /// What the shell is to do.
    enum Action: Equatable {
        case connect
        /// Close the connection. So many announces get no answer.
        case drop(unanswered: Int, reason: String)
        /// Ask whether the store still has what it was told.
        case checkContents
    }

    /// What a reply on the connection answers.
    enum Reply: Equatable {
        /// The script's name, in reply to the greeting.
        case greeting
        /// An announce that a peer waits for.
        case announce
        /// A peer that the store was told of again.
        case telling
        /// Whether the store had lost what it had.
        case contents
        /// Something whose reply says nothing.
        case other
    }

    private enum State {
        case down(until: UInt64)
        /// The name is being looked up.
        case resolving
        case connecting
        /// The connection is there, the store has not answered the greeting.
        case greeting
        case up
    }

    /// Longest silence of the store, in all that it is asked.
    static let patience: UInt64 = 200
    /// Pause before the next try.
    static let pause: UInt64 = 5_000
    /// How often the store is asked whether it still has what it was told.
    static let checkEvery: UInt64 = 5_000
    /// Unanswered questions at a time.
    static let most = 20_000
    /// The same for peers that it is told of again: announces go first.
    static let mostTellings = 2_000

    private var state = State.down(until: 0)
    private var startedAt: UInt64 = 0
    private var waiting = Deque<(reply: Reply, since: UInt64)>()
    private var nextCheck: UInt64 = 0
    private(set) var tellings = 0
    /// Questions that were sent and are unanswered.
    private var sent = 0

    /// What the next reply answers.
    var next: Reply? { waiting.first?.reply }
    /// Whether all that was sent is answered.
    var isQuiet: Bool { sent == 0 }

    var isUp: Bool { if case .up = state { waiting.count < Self.most } else { false } }
    var hasRoomToTell: Bool { isUp && tellings < Self.mostTellings }

    /// When ``timePassed(now:)`` has something to do.
    var nextDeadline: UInt64 {
        switch state {
        case .down(let until): until
        case .resolving: startedAt + Self.pause
        case .connecting, .greeting: startedAt + Self.patience
        case .up: min(nextCheck, waiting.first.map { $0.since + Self.patience } ?? .max)
        }
    }

    mutating func timePassed(now: UInt64) -> Action? {
        guard now >= nextDeadline else { return nil }
        switch state {
        case .down:
            state = .resolving
            startedAt = now
            return .connect
        case .resolving: return failed("its name is not found in time", now: now)
        case .connecting: return failed("no connection within \(Self.patience) ms", now: now)
        case .greeting: return failed("no answer within \(Self.patience) ms", now: now)
        case .up:
            if let oldest = waiting.first, now >= oldest.since + Self.patience {
                return failed("no answer within \(Self.patience) ms", now: now)
            }
            nextCheck = now + Self.checkEvery
            return .checkContents
        }
    }

    /// The name was found, and the connection begins.
    mutating func resolved(now: UInt64) {
        state = .connecting
        startedAt = now
    }

    /// The connection is there, and the greeting goes out.
    mutating func connected(now: UInt64) {
        state = .greeting
        waiting.append((.greeting, now))
    }

    mutating func asked(_ reply: Reply, now: UInt64) {
        if reply == .telling { tellings += 1 }
        waiting.append((reply, now))
    }

    /// All that was asked has been sent.
    mutating func sentAll() { sent = waiting.count }

    /// A reply arrived.
    /// - Returns: what it answers; nil if nothing was asked.
    mutating func answered(now: UInt64) -> Reply? {
        guard let reply = waiting.popFirst()?.reply else { return nil }
        sent = max(0, sent - 1)
        if reply == .greeting {
            state = .up
            nextCheck = now
        }
        if reply == .telling { tellings -= 1 }
        return reply
    }

    /// The connection is of no use, for whatever reason.
    mutating func failed(_ reason: String, now: UInt64) -> Action {
        let unanswered = waiting.count { $0.reply == .announce }
        waiting.removeAll()
        sent = 0
        tellings = 0
        state = .down(until: now + Self.pause)
        return .drop(unanswered: unanswered, reason: reason)
    }
}
