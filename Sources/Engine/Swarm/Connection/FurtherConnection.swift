import PeerWire
import Reactor
import SwarmCore

/// What one of several connections to the same peer is, beyond the first: blocks come over it, and at its end one
/// `choke` from each side, each side's last word.
struct FurtherRole {
    /// The peer id that it is opened with, where we open it: the one that the other side gave us for that.
    var announced: PeerID?
    /// Nothing more is sent over it once the last word is.
    var hasSaidLast = false
    /// Nothing more comes over it.
    var hasHeardLast = false
}

/// What is known of the line of one connection, as far as it decides about congestion control.
struct PathCare {
    /// Bytes to move before the kernel is asked again.
    private static let worthAsking: Int64 = 64 << 10

    /// Seconds, the least seen.
    private(set) var roundTrip = Double.infinity
    private(set) var choice = CongestionChoice.undecided
    /// Some of what was sent to us was lost on the way.
    private(set) var losesToUs = false
    /// BBR was chosen, and is there.
    var hasBBR = false
    private var askedAt = -worthAsking

    /// - Parameter moved: bytes in both directions so far.
    func isDue(_ moved: Int64) -> Bool {
        choice != .system && !(choice == .bbr && losesToUs) && moved - askedAt >= Self.worthAsking
    }

    func isLong(_ limits: ConnectionLimits) -> Bool { roundTrip.isFinite && roundTrip >= limits.longRoundTrip }

    mutating func learned(_ path: PathReading, sent: Int64, moved: Int64, limits: ConnectionLimits) {
        askedAt = moved
        roundTrip = path.leastRoundTrip
        losesToUs = losesToUs || path.segmentsOutOfOrder > 0
        // Who only asks need not care how fast that is.
        let isSender = sent >= Self.worthAsking
        choice = .choose(roundTrip: roundTrip, repeated: isSender ? path.segmentsRepeated : 0, limits: limits)
    }
}

extension PeerConnection {
    var isFurther: Bool { further != nil }

    /// - Returns: whether it has just turned out that BBR is the better choice.
    func lookAtPath(_ limits: ConnectionLimits) -> Bool {
        guard let open else { return false }
        let before = open.path.choice
        let moved = open.bytesSent + open.bytesReceived
        guard open.path.isDue(moved), let reading = stream.path else { return false }
        open.path.learned(reading, sent: open.bytesSent, moved: moved, limits: limits)
        open.unsent.isOnLongPath = open.path.isLong(limits)
        return open.path.choice == .bbr && before != .bbr
    }

    /// Ends a further connection without losing what is on its way.
    func leave() {
        guard further?.hasSaidLast == false else { return }
        further?.hasSaidLast = true
        open?.mayUpload = false
        send(.choke)
    }

    /// A message over a further connection; there are few.
    func receivedFurther(_ message: Message) {
        switch message {
        case .keepAlive: break
        case .choke:
            further?.hasHeardLast = true
            leave()
            flush()
        default: close(.violation("a message that belongs on the first connection"))
        }
    }

    /// Closes it when both sides have had their last word.
    func closeIfDone() {
        guard let further, let open, further.hasSaidLast, further.hasHeardLast, open.upload == nil, open.outbox.isEmpty
        else { return }
        close(.shutdown)
    }
}
