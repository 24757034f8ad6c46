/// The upload grants between one peer and this host, in both directions.
struct GrantsOfPeer: Sendable {
    /// The peer issues grants now and must not be asked without one.
    var issuesGrants = false
    /// The peer's last grant named a piece.
    var areNamed = false
    /// Grants of the peer that are not over: the piece that each named, -1 for one of the peer's choice.
    var given: [Int32] = []
    /// Serial number of the peer's last grant. The peer with the lowest is served next.
    var serial = 0
    /// Bytes that the peer requested and that have not been sent.
    var queued = 0
    /// Time since which the peer has had a grant or queued bytes without interruption.
    var since = 0.0
    /// Bytes that the peer requested with its oldest grant.
    var asked = 0
    /// We have announced upload grants to this peer.
    var isTold = false
    /// The peer uses its grant so slowly that other peers get grants in the meantime.
    var isSlow = false
    /// Time at which bytes of the grant were last sent, or at which it began.
    var movedAt = 0.0
    /// The peer does not use its grant.
    var isStill = false
    /// Backoff, in seconds, for a peer that did not use its upload grant. Doubles each time.
    var pause = 0.0
    var pausedUntil = -Double.infinity

    var isBusy: Bool { queued > 0 || !given.isEmpty }
}

/// Upload grants this host has issued, and how much uplink they take.
struct UploadGrants: Sendable {
    /// Whether enough peers are interested to use grants.
    var isGiving = false
    var width: GrantWidth
    /// Serial number of the last grant.
    var serial = 0
    /// Average number of pieces that interested peers have; for each piece that a peer is behind that average, the
    /// number of places by which it is served earlier, and the maximum of that.
    var meanHoldings = 0
    var lead = 1
    var mostLead = 0
    /// Time since which all pieces have been dispatched while some have not been announced.
    var awaitingSince: Double?
    /// No grant is needed before this time, unless something happens.
    var idleUntil = -Double.infinity
    /// Bytes that may still be granted. The next grant is considered only when this reaches the length of a piece, so
    /// that not every sent block causes a look at all peers.
    var room = Int.max
    /// Bytes of unfinished grants and of requests with a grant that have not been sent; those of slow peers separately,
    /// as far as they count.
    var spoken = 0
    var slowSpoken = 0
}
