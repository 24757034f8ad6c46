// Admission: how much of this process remote clients may use.
//
// Purpose: one budget of connections, descriptors, unsent bytes and requests for the engine's listener, metadata
// sessions, the tracker, the file server and the API. When a pool is full, the connection without progress for longest
// is closed, from the source with the most connections first. Must never: do I/O, read a clock, or refuse a new
// connection while an idle one holds a place.

import Synchronization

/// The budget of one process. Thread-safe; every call is short.
///
/// Times are seconds of one monotonic clock, the same for all callers.
public final class Admission: Sendable {
    private struct State {
        var ledger: AdmissionLedger
        /// The close action of each connection that may be evicted.
        var closers: [AdmissionLedger.Member: @Sendable () -> Void] = [:]
    }

    private let state: Mutex<State>

    public init(limits: AdmissionLimits = .ofThisProcess()) {
        state = Mutex(State(ledger: AdmissionLedger(limits: limits)))
    }

    /// Admits a connection. It counts as half-open until ``Ticket/opened(now:)``. Other connections may be closed to
    /// make room for it.
    ///
    /// - Parameters:
    ///   - isOurs: whether this process opened the connection. Such a connection is never closed to make room.
    ///   - close: closes the connection. Called at most once, on the thread of the caller that needs the room, so it
    ///     should only post to the owner's event loop. The connection may have been closed for another reason by then.
    /// - Returns: nil if every connection that could be evicted has just made progress. The caller must then close the
    ///   new connection.
    public func admit(
        _ source: Source, at door: Door, isOurs: Bool = false, now: Double, close: @escaping @Sendable () -> Void
    ) -> Ticket? {
        let (member, closer) = state.withLock { state -> (AdmissionLedger.Member?, (@Sendable () -> Void)?) in
            guard let admitted = state.ledger.admit(source, at: door, isOurs: isOurs, now: now) else {
                return (nil, nil)
            }
            if !isOurs { state.closers[admitted.member] = close }
            return (admitted.member, admitted.victim.flatMap { state.closers.removeValue(forKey: $0) })
        }
        closer?()
        return member.map { Ticket(admission: self, member: $0, now: now) }
    }

    /// Call when the system refuses a descriptor (EMFILE, ENFILE). Closes the connection without progress for longest.
    /// - Returns: whether a connection was closed, so that trying again makes sense.
    public func shed(at door: Door, now: Double) -> Bool {
        let closer = state.withLock { state in
            state.ledger.shed(at: door, now: now).flatMap { state.closers.removeValue(forKey: $0) }
        }
        closer?()
        return closer != nil
    }

    /// Reserves room for unsent bytes. A connection that gets none stops reading requests until its unsent bytes are
    /// sent.
    public func reserveUnsent(_ bytes: Int) -> Bool { state.withLock { $0.ledger.reserveUnsent(bytes) } }
    public func releaseUnsent(_ bytes: Int) { state.withLock { $0.ledger.releaseUnsent(bytes) } }

    /// Whether one more request may be answered at this door now. If so, the caller must call ``endRequest(at:)``
    /// later.
    public func beginRequest(at door: Door) -> Bool { state.withLock { $0.ledger.beginRequest(at: door) } }
    public func endRequest(at door: Door) { state.withLock { $0.ledger.endRequest(at: door) } }

    /// A place for a request that takes as long as its client likes. When all places are taken, the request that has shown
    /// least for longest gives its own up, of the source that has the most first.
    ///
    /// - Parameter close: closes the connection of the request. Called at most once, on the thread of whoever needs the
    ///   place.
    /// - Returns: nil when everybody who could go has just shown progress.
    public func request(
        from source: Source, at door: Door, now: Double, close: @escaping @Sendable () -> Void
    ) -> RequestTicket? {
        let (member, closer) = state.withLock { state -> (AdmissionLedger.Member?, (@Sendable () -> Void)?) in
            guard let admitted = state.ledger.beginRequest(from: source, at: door, now: now) else { return (nil, nil) }
            state.closers[admitted.member] = close
            return (admitted.member, admitted.victim.flatMap { state.closers.removeValue(forKey: $0) })
        }
        closer?()
        return member.map { RequestTicket(admission: self, member: $0, door: door) }
    }

    /// The place of one request, given back when nobody holds it any more.
    public final class RequestTicket: Sendable {
        private let admission: Admission
        private let member: AdmissionLedger.Member
        private let door: Door

        fileprivate init(admission: Admission, member: AdmissionLedger.Member, door: Door) {
            self.admission = admission
            self.member = member
            self.door = door
        }

        deinit {
            admission.state.withLock { state in
                state.ledger.endRequest(member, at: door)
                state.closers[member] = nil
            }
        }

        /// A part of the answer was taken.
        public func progressed(now: Double) {
            admission.state.withLock { $0.ledger.requestProgressed(member, at: door, now: now) }
        }
    }

    /// Numbers for metrics.
    public struct Figures: Sendable {
        public var connections: [Door: Int]
        public var halfOpen: [Door: Int]
        /// Large answers included.
        public var unsentBytes: Int
        /// Requests that are being answered.
        public var requests: [Door: Int]
        /// Closed to make room, and turned away because there was none, since the start.
        public var evicted: Int
        public var refused: Int
    }

    public var figures: Figures {
        state.withLock { state in
            let doors = Door.allCases
            return Figures(
                connections: Dictionary(uniqueKeysWithValues: doors.map { ($0, state.ledger.count(at: $0)) }),
                halfOpen: Dictionary(uniqueKeysWithValues: doors.map { ($0, state.ledger.halfOpenCount(at: $0)) }),
                unsentBytes: state.ledger.unsentBytes + state.ledger.answerBytes,
                requests: Dictionary(uniqueKeysWithValues: doors.map { ($0, state.ledger.requestCount(at: $0)) }),
                evicted: state.ledger.evicted, refused: state.ledger.refused)
        }
    }

    /// One connection's place in the budget. Freed by ``release()`` or when the last reference to the ticket goes.
    public final class Ticket: Sendable {
        private let admission: Admission
        private let member: AdmissionLedger.Member
        /// Time of the last noted progress, as the bits of a `Double`.
        private let notedAt: Atomic<UInt64>

        fileprivate init(admission: Admission, member: AdmissionLedger.Member, now: Double) {
            self.admission = admission
            self.member = member
            notedAt = Atomic(now.bitPattern)
        }

        deinit { release() }

        /// Call when the connection has sent its handshake or first request, and it is one that this process serves.
        public func opened(now: Double) {
            // Makes sure that the first progress is noted at once.
            notedAt.store((-Double.infinity).bitPattern, ordering: .relaxed)
            admission.state.withLock { $0.ledger.opened(member, now: now) }
        }

        /// Call when the connection makes progress: a block, a whole request, or a response that the client read.
        /// Cheap: noted at most once a second.
        public func progressed(now: Double) {
            guard now - Double(bitPattern: notedAt.load(ordering: .relaxed)) >= 1 else { return }
            notedAt.store(now.bitPattern, ordering: .relaxed)
            admission.state.withLock { $0.ledger.progressed(member, now: now) }
        }

        /// See ``Admission/reserveUnsent(_:)``.
        public func reserveUnsent(_ bytes: Int) -> Bool { admission.reserveUnsent(bytes) }
        public func releaseUnsent(_ bytes: Int) { admission.releaseUnsent(bytes) }

        /// Reserves room for a large answer that was made whole. Connections whose clients have not read theirs may be closed
        /// for it.
        /// - Returns: false if there is no room: the answer must not be kept.
        public func reserveAnswer(_ bytes: Int, now: Double) -> Bool {
            let (isGranted, closers) = admission.state.withLock { state in
                let (isGranted, victims) = state.ledger.reserveAnswer(bytes, on: member, now: now)
                return (isGranted, victims.compactMap { state.closers.removeValue(forKey: $0) })
            }
            for close in closers { close() }
            return isGranted
        }

        /// Call when the client has read a part of such an answer.
        public func answerProgressed(now: Double) {
            admission.state.withLock { $0.ledger.answerProgressed(on: member, now: now) }
        }

        /// Call when the client has read such an answer.
        public func releaseAnswer(_ bytes: Int) {
            admission.state.withLock { $0.ledger.releaseAnswer(bytes, on: member) }
        }

        /// Call when the connection is closed.
        public func release() {
            admission.state.withLock { state in
                state.ledger.remove(member)
                state.closers[member] = nil
            }
        }
    }
}
