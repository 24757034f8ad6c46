import PeerWire
import Reactor
import SwarmCore

/// The role of a further connection to a peer: it carries only blocks, and at its end a `choke` from each side as the
/// last message.
struct FurtherRole {
    /// The peer id for its handshake, which the peer gave us for that; nil if the peer opened the connection.
    var announced: PeerID?
    /// We have sent our last message on it.
    var hasSaidLast = false
    /// The peer has sent its last message on it.
    var hasHeardLast = false
}

/// Properties of the network path of one connection, for choosing its congestion control.
struct PathCare {
    /// Bytes to transfer before the kernel is asked again.
    private static let worthAsking: Int64 = 64 << 10

    /// Minimum round trip in seconds.
    private(set) var roundTrip = Double.infinity
    private(set) var choice = CongestionChoice.undecided
    /// Packets that were sent to us have been lost.
    private(set) var losesToUs = false
    /// BBR was selected successfully.
    var hasBBR = false
    private var askedAt = -worthAsking

    /// - Parameter moved: total bytes in both directions.
    func isDue(_ moved: Int64) -> Bool {
        choice != .system && !(choice == .bbr && losesToUs) && moved - askedAt >= Self.worthAsking
    }

    func isLong(_ limits: ConnectionLimits) -> Bool { limits.isLong(roundTrip) }

    mutating func learned(_ path: PathReading, sent: Int64, moved: Int64, limits: ConnectionLimits) {
        askedAt = moved
        roundTrip = path.leastRoundTrip
        losesToUs = losesToUs || path.segmentsOutOfOrder > 0
        // A host that only sends requests need not care how fast they are sent.
        let isSender = sent >= Self.worthAsking
        choice = .choose(roundTrip: roundTrip, repeated: isSender ? path.segmentsRepeated : 0, limits: limits)
    }
}

extension PeerConnection {
    var isFurther: Bool { further != nil }

    /// - Returns: whether BBR has just turned out to be the better choice.
    func lookAtPath(_ limits: ConnectionLimits) -> Bool {
        guard let open else { return false }
        let before = open.path.choice
        let moved = open.bytesSent + open.bytesReceived
        guard open.path.isDue(moved), let reading = stream.path else { return false }
        open.path.learned(reading, sent: open.bytesSent, moved: moved, limits: limits)
        open.unsent.isOnLongPath = open.path.isLong(limits)
        return open.path.choice == .bbr && before != .bbr
    }

    /// Closes a further connection without losing data in flight.
    func leave() {
        guard further?.hasSaidLast == false else { return }
        further?.hasSaidLast = true
        open?.mayUpload = false
        send(.choke)
    }

    /// Handles a message on a further connection; only a few kinds are allowed.
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

    /// Closes the connection after both sides have sent their last message.
    func closeIfDone() {
        guard let further, let open, further.hasSaidLast, further.hasHeardLast, open.upload == nil, open.outbox.isEmpty
        else { return }
        close(.shutdown)
    }
}
