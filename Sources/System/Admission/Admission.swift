// Admission: what strangers may take of this process.
//
// What it is for: one budget, from which the listener of the engine, metadata sessions, the tracker, the file server and
// the API draw connections, descriptors, bytes that wait to be sent, and requests. A pool that is full closes the
// connection that has shown least for longest, of the source that has the most first. What it must never do: I/O, read a
// clock, or turn a newcomer away while somebody silent holds a place.

import Synchronization

/// The budget of one process. May be called from any thread; every call is short.
///
/// Times are seconds of a monotonic clock, the same for all callers.
public final class Admission: Sendable {
    private struct State {
        var ledger: AdmissionLedger
        /// How to close each connection that can be chosen as a victim.
        var closers: [AdmissionLedger.Member: @Sendable () -> Void] = [:]
    }

    private let state: Mutex<State>

    public init(limits: AdmissionLimits = .ofThisProcess()) {
        state = Mutex(State(ledger: AdmissionLedger(limits: limits)))
    }

    /// Lets a connection in, which counts as half-open until ``Ticket/opened(now:)``. Others may be closed for it.
    ///
    /// - Parameters:
    ///   - isOurs: whether this process made the connection; such a connection is never closed to make room.
    ///   - close: closes the connection. Called at most once, on the thread of whoever needs the room, so that it should
    ///     only post to the owner's loop. By then the connection may have been closed for another reason.
    /// - Returns: nil when everybody who could go has just shown progress; the newcomer is to be closed.
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

    /// To be called when the system refuses a descriptor (EMFILE, ENFILE): closes whoever has shown least for longest.
    /// - Returns: whether somebody was closed, so that trying again is worth it.
    public func shed(at door: Door, now: Double) -> Bool {
        let closer = state.withLock { state in
            state.ledger.shed(at: door, now: now).flatMap { state.closers.removeValue(forKey: $0) }
        }
        closer?()
        return closer != nil
    }

    /// Asks for room for bytes that wait to be sent. Who is refused stops reading requests until what waits is sent.
    public func reserveUnsent(_ bytes: Int) -> Bool { state.withLock { $0.ledger.reserveUnsent(bytes) } }
    public func releaseUnsent(_ bytes: Int) { state.withLock { $0.ledger.releaseUnsent(bytes) } }

    /// Whether one more request may be answered at this door now; each that may is ended by ``endRequest(at:)``.
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
                unsentBytes: state.ledger.unsentBytes,
                requests: Dictionary(uniqueKeysWithValues: doors.map { ($0, state.ledger.requestCount(at: $0)) }),
                evicted: state.ledger.evicted, refused: state.ledger.refused)
        }
    }

    /// The place of one connection in the budget, given back by ``release()`` or when nobody holds the ticket any more.
    public final class Ticket: Sendable {
        private let admission: Admission
        private let member: AdmissionLedger.Member
        /// When progress was last noted, as the bits of a `Double`.
        private let notedAt: Atomic<UInt64>

        fileprivate init(admission: Admission, member: AdmissionLedger.Member, now: Double) {
            self.admission = admission
            self.member = member
            notedAt = Atomic(now.bitPattern)
        }

        deinit { release() }

        /// The connection has said what it wants, and it is something that we serve.
        public func opened(now: Double) {
            // Its first progress is noted at once.
            notedAt.store((-Double.infinity).bitPattern, ordering: .relaxed)
            admission.state.withLock { $0.ledger.opened(member, now: now) }
        }

        /// Something useful came or went: a block, a whole request, an answer that was taken. Cheap: it is noted once a
        /// second.
        public func progressed(now: Double) {
            guard now - Double(bitPattern: notedAt.load(ordering: .relaxed)) >= 1 else { return }
            notedAt.store(now.bitPattern, ordering: .relaxed)
            admission.state.withLock { $0.ledger.progressed(member, now: now) }
        }

        /// See ``Admission/reserveUnsent(_:)``.
        public func reserveUnsent(_ bytes: Int) -> Bool { admission.reserveUnsent(bytes) }
        public func releaseUnsent(_ bytes: Int) { admission.releaseUnsent(bytes) }

        /// The connection is closed.
        public func release() {
            admission.state.withLock { state in
                state.ledger.remove(member)
                state.closers[member] = nil
            }
        }
    }
}
