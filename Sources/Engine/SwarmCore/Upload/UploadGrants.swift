/// Upload grants that one peer and this host have from each other.
struct GrantsOfPeer: Sendable {
    /// It issues grants now, and is asked for nothing without one.
    var givesTurns = false
    /// Its last grant was for a piece that it named.
    var areNamed = false
    /// Grants that the peer has and that are not over: the pieces that they named, -1 for one of its own choice.
    var given: [Int32] = []
    /// Number of its last grant: the peer that had none for longest is next.
    var serial = 0
    /// Bytes that it asked for and that have not gone out.
    var queued = 0
    /// Since when any grant of it is under way.
    var since = 0.0
    /// Bytes that it asked for in its oldest grant.
    var asked = 0
    /// We have announced upload grants to this peer.
    var isTold = false
    /// It uses its grant so slowly that others are given some meanwhile.
    var isSlow = false
    /// When something of its grant went out last, or it began.
    var movedAt = 0.0
    /// It does not use its grant.
    var isStill = false
    /// Backoff, in seconds, for a peer that did not use its upload grant. Doubles each time.
    var pause = 0.0
    var pausedUntil = -Double.infinity

    var isBusy: Bool { queued > 0 || !given.isEmpty }
}

/// Upload grants this host has issued, and how much uplink they take.
struct UploadGrants: Sendable {
    /// Peers that want grants are many enough.
    var isGiving = false
    var width: GrantWidth
    /// Number of the last grant.
    var serial = 0
    /// Pieces that interested peers have, on average; the places by which a peer that is behind comes sooner for each
    /// piece, and at most.
    var meanHoldings = 0
    var lead = 1
    var mostLead = 0
    /// When the last piece was given out, while not all have come to some peer.
    var awaitingSince: Double?
    /// No peer wants a grant before that, unless something happens.
    var idleUntil = -Double.infinity
    /// Bytes that may be promised at most, so that not every block that goes out is a reason to look at all peers.
    var room = Int.max
    /// Bytes of the grants that are not over, and of what was asked for by grants and has not gone out; those of slow
    /// peers apart, as far as they count.
    var spoken = 0
    var slowSpoken = 0
}
