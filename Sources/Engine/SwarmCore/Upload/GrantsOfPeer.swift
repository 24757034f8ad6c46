/// The upload grants between one peer and this host, in both directions.
package struct GrantsOfPeer: Sendable {
    private enum Constant {
        /// Backoff, in seconds, for a peer that did not use its upload grant. Doubles each time. With a tenth of a second at most,
        /// hosts that have most of it spent more on grants for each other that nobody could use than on pieces.
        static let firstPause = 0.05
        static let longestPause = 0.5
    }

    /// The peer issues grants now and must not be asked without one.
    package var issuesGrants = false
    /// The peer's last grant named a piece.
    package var areNamed = false
    /// Grants of the peer that are not over: the piece that each named, -1 for one of the peer's choice.
    package var given: [Int32] = []
    /// Serial number of the peer's last grant. The peer with the lowest is served next.
    package var serial = 0
    /// Bytes that the peer requested and that have not been sent.
    package var queued = 0
    /// Time since which the peer has had a grant or queued bytes, or at which the last whole piece of these was sent.
    package var since = 0.0
    /// Bytes that were sent since then.
    package var moved = 0
    /// Bytes that the peer requested with its oldest grant.
    package var asked = 0
    /// We have announced upload grants to this peer.
    package var isTold = false
    /// The peer uses its grant so slowly that other peers get grants in the meantime.
    package var isSlow = false
    /// Time at which bytes of the grant were last sent, or at which it began.
    package var movedAt = 0.0
    /// The peer does not use its grant.
    package var isStill = false
    /// The peer gets no second copies of pieces at the moment, see ``EgressBudget``.
    package var isBarred = false
    /// The peer passes nothing on, and gets grants only when others need none, see ``EgressBudget/isLast(_:now:)``.
    package var isLast = false
    /// Backoff, in seconds, for a peer that did not use its upload grant. Doubles each time.
    package var pause = 0.0
    package var pausedUntil = -Double.infinity

    package init() {}

    package var isBusy: Bool { queued > 0 || !given.isEmpty }

    /// Bytes that the peer requested were sent to it.
    /// - Returns: whether that was all it had, and it may use another grant now that it could not before: it was slow, or it had
    ///   passed on a grant because it had enough.
    package mutating func sent(_ bytes: Int, pieceLength: Int, now: Double) -> Bool {
        (movedAt, isStill) = (now, false)
        queued = max(0, queued - bytes)
        moved += bytes
        // A peer that has several grants at all times is not slow as long as it takes one piece after the other.
        if moved >= pieceLength { (moved, since) = (0, now) }
        guard !isBusy, isSlow || now < pausedUntil else { return false }
        pausedUntil = min(pausedUntil, now)
        return true
    }

    /// Seconds after which a peer that did not use its grant may use one at the earliest.
    package static var leastPause: Double { Constant.firstPause }

    /// There is no piece for the peer at the moment.
    package mutating func hasNoPiece(now: Double) { pausedUntil = now + Constant.longestPause }

    /// The peer's oldest grant is over, and it requested blocks with it.
    package mutating func wasUsed() { (asked, pause) = (0, 0) }

    /// The peer's oldest grant is over, and it requested nothing. Grants that it had at the same time and that it passes
    /// on together count as one: else a peer that took all it could of many would be left out for long, with nothing to
    /// do soon after.
    package mutating func wasNotUsed(now: Double) {
        guard now >= pausedUntil else { return }
        pause = min(Constant.longestPause, max(Constant.firstPause, 2 * pause))
        pausedUntil = now + pause
    }
}
