import Hashing
import Swarm

/// The fetches of a host that are under way: the number of callers that hold each, and the callers that wait for its
/// beginning or its end.
struct FetchTable {
    struct Fetch {
        let serial: UInt64
        let plan: BlobFetches.Plan
        let outcome = FetchOutcome()
        fileprivate(set) var transfer: Transfer?
        /// The last warning of the transfer.
        fileprivate(set) var warning: String?
        /// The fetch has its turn: others wait for one of them to end.
        fileprivate(set) var hasTurn = false
        /// The fetch is to stop: no caller holds it any more, or the host stops.
        fileprivate(set) var isAbandoned = false
        /// The blob is whole, and its transfer goes on giving it after the fetch: whoever ends the fetch does not stop it.
        fileprivate(set) var isGiven = false
        /// The number of callers that wait for the fetch, or read from it.
        fileprivate var holders = 0
        /// The number of callers that have ever joined.
        fileprivate var arrivals = 0
        fileprivate var untilBegun: [CheckedContinuation<Void, Never>] = []
        fileprivate var untilEnd: [UInt64: CheckedContinuation<FetchEnding, Never>] = [:]
    }

    private(set) var all: [SHA256Digest: Fetch] = [:]
    private var serials: UInt64 = 0

    subscript(digest: SHA256Digest) -> Fetch? { all[digest] }
    /// The fetch of a hold; nil where it has ended, even if there is a new fetch of the same blob.
    subscript(hold: FetchHold) -> Fetch? {
        all[hold.digest].flatMap { $0.serial == hold.serial ? $0 : nil }
    }

    var count: Int { all.count }
    var digests: [SHA256Digest] { Array(all.keys) }
    var transfers: [Transfer] { all.values.compactMap(\.transfer) }
    /// The size of each blob that is being fetched, in bytes. Those that wait for their turn need no room yet.
    var lengths: [SHA256Digest: Int64] { all.filter(\.value.hasTurn).mapValues(\.plan.info.length) }

    /// A number that was not used before.
    mutating func nextSerial() -> UInt64 {
        serials += 1
        return serials
    }

    // MARK: Joining and leaving

    /// Joins the fetch of a blob.
    /// - Returns: the fetch, and whether it is new, so that the caller must start it.
    mutating func join(_ plan: BlobFetches.Plan) -> (fetch: Fetch, isNew: Bool) {
        let digest = plan.info.digest
        let known = all[digest]
        var fetch = known ?? Fetch(serial: nextSerial(), plan: plan)
        fetch.holders += 1
        fetch.arrivals += 1
        all[digest] = fetch
        return (fetch, known == nil)
    }

    /// - Returns: `arrivals` if the last caller has left; else nil.
    mutating func leave(_ digest: SHA256Digest, _ serial: UInt64) -> Int? {
        guard let fetch = all[digest], fetch.serial == serial else { return nil }
        all[digest]?.holders -= 1
        return fetch.holders == 1 ? fetch.arrivals : nil
    }

    /// Abandons a fetch if no caller has joined it since it had `arrivals`.
    /// - Returns: the transfer to stop.
    mutating func abandon(_ digest: SHA256Digest, _ serial: UInt64, after arrivals: Int) -> Transfer? {
        guard let fetch = all[digest], fetch.serial == serial, fetch.arrivals == arrivals, fetch.holders == 0,
            !fetch.isGiven
        else { return nil }
        all[digest]?.isAbandoned = true
        return fetch.transfer
    }

    mutating func abandonAll() {
        for digest in digests { all[digest]?.isAbandoned = true }
    }

    // MARK: Beginning and ending

    mutating func takeTurn(_ digest: SHA256Digest) { all[digest]?.hasTurn = true }

    mutating func begin(_ digest: SHA256Digest, _ transfer: Transfer) {
        all[digest]?.transfer = transfer
        for waiter in all[digest]?.untilBegun ?? [] { waiter.resume() }
        all[digest]?.untilBegun = []
    }

    mutating func warn(_ digest: SHA256Digest, _ text: String) { all[digest]?.warning = text }

    mutating func dropTransfer(of digest: SHA256Digest) { all[digest]?.transfer = nil }

    mutating func giveOn(_ digest: SHA256Digest) { all[digest]?.isGiven = true }

    mutating func end(_ digest: SHA256Digest, _ ending: FetchEnding) {
        guard let fetch = all.removeValue(forKey: digest) else { return }
        fetch.outcome.end(ending)
        for waiter in fetch.untilBegun { waiter.resume() }
        for waiter in fetch.untilEnd.values { waiter.resume(returning: ending) }
    }

    // MARK: Waiting

    mutating func awaitBeginning(of digest: SHA256Digest, _ waiter: CheckedContinuation<Void, Never>) {
        guard all[digest] != nil else { return waiter.resume() }
        all[digest]?.untilBegun.append(waiter)
    }

    /// - Parameter serial: identifies this wait, for cancelling it.
    mutating func awaitEnd(
        of digest: SHA256Digest, _ serial: UInt64, _ waiter: CheckedContinuation<FetchEnding, Never>
    ) {
        guard all[digest] != nil else { return waiter.resume(returning: .over) }
        all[digest]?.untilEnd[serial] = waiter
    }

    mutating func cancelWaiting(for digest: SHA256Digest, _ serial: UInt64) {
        all[digest]?.untilEnd.removeValue(forKey: serial)?.resume(returning: .over)
    }
}
