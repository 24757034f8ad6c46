import SwarmCore

/// The sending side of a host's line: all connections that have something to send share it equally, as TCP streams do.
///
/// Kept in the service of one stream ("virtual time", in bytes): a block begun at service `s` is through at `s` plus
/// its length, however many others come and go meanwhile.
struct Uplink {
    struct Transmission {
        let slot: Int32
        let span: BlockSpan
        let startedAt: Double
        /// Service at which it is through.
        let end: Double
    }

    /// Bytes per second.
    let rate: Double
    private(set) var active: [Transmission] = []
    private var service = 0.0
    private var at = 0.0
    /// Time of the scheduled look; infinite without one.
    var lookAt = Double.infinity

    init(rate: Double) { self.rate = rate }

    var isBusy: Bool { !active.isEmpty }

    private mutating func advance(_ now: Double) {
        guard now > at else { return }
        if !active.isEmpty { service += (now - at) * rate / Double(active.count) }
        at = now
    }

    /// - Parameter length: bytes on the line.
    mutating func start(_ span: BlockSpan, length: Double, slot: Int32, now: Double) {
        advance(now)
        active.append(Transmission(slot: slot, span: span, startedAt: now, end: service + length))
    }

    /// Short messages go between the blocks.
    mutating func spend(_ bytes: Double, now: Double) {
        advance(now)
        at += bytes / rate
    }

    /// Those that are through by now, in the order in which they were begun.
    mutating func finished(_ now: Double) -> [Transmission] {
        advance(now)
        // Rounding: a thousandth of a byte.
        let limit = service + 1e-3
        guard active.contains(where: { $0.end <= limit }) else { return [] }
        let done = active.filter { $0.end <= limit }
        active.removeAll { $0.end <= limit }
        return done
    }

    /// The connection is gone.
    mutating func abandon(_ slot: Int32, now: Double) {
        advance(now)
        active.removeAll { $0.slot == slot }
    }

    /// When the next one is through if nobody else comes.
    var nextEnd: Double {
        var least = Double.infinity
        for transmission in active where transmission.end < least { least = transmission.end }
        return at + max(0, least - service) * Double(active.count) / rate
    }
}

/// A line on which bytes come one after the other: a host's receiving side, or the line between sites.
struct Pipe {
    /// Bytes per second; infinite for no bound.
    let rate: Double
    /// When all that is on its way is through.
    private(set) var freeAt = 0.0
    private(set) var bytes = 0.0

    /// - Parameters:
    ///   - start: when the first byte came.
    ///   - end: when the last byte came.
    /// - Returns: when the last byte is through.
    mutating func carry(_ length: Double, from start: Double, to end: Double) -> Double {
        bytes += length
        guard rate.isFinite else { return end }
        freeAt = max(freeAt, start) + length / rate
        return max(end, freeAt)
    }
}
