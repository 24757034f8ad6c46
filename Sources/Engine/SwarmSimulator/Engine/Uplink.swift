import SwarmCore

/// The uplink of a host. All connections with data to send share it equally, as TCP streams do.
///
/// Progress is kept as the service of one stream ("virtual time", in bytes): a block begun at service `s` is complete
/// at `s` plus its length, however many other blocks begin and end in the meantime.
package struct Uplink {
    package struct Transmission {
        package let slot: Int32
        let span: BlockSpan
        let startedAt: Double
        /// Service at which the block is complete.
        let end: Double
    }

    /// Bytes per second.
    let rate: Double
    private(set) var active: [Transmission] = []
    private var service = 0.0
    private var at = 0.0
    /// Time of the scheduled check; infinite if there is none.
    var lookAt = Double.infinity

    package init(rate: Double) { self.rate = rate }

    package var isBusy: Bool { !active.isEmpty }

    private mutating func advance(_ now: Double) {
        guard now > at else { return }
        if !active.isEmpty { service += (now - at) * rate / Double(active.count) }
        at = now
    }

    /// - Parameter length: bytes on the wire.
    package mutating func start(_ span: BlockSpan, length: Double, slot: Int32, now: Double) {
        advance(now)
        active.append(Transmission(slot: slot, span: span, startedAt: now, end: service + length))
    }

    /// Short messages are sent between blocks.
    package mutating func spend(_ bytes: Double, now: Double) {
        advance(now)
        at += bytes / rate
    }

    /// Transmissions that are complete by now, in the order in which they began.
    package mutating func finished(_ now: Double) -> [Transmission] {
        advance(now)
        // Tolerance for rounding: a thousandth of a byte.
        let limit = service + 1e-3
        guard active.contains(where: { $0.end <= limit }) else { return [] }
        let done = active.filter { $0.end <= limit }
        active.removeAll { $0.end <= limit }
        return done
    }

    /// The connection was closed.
    package mutating func abandon(_ slot: Int32, now: Double) {
        advance(now)
        active.removeAll { $0.slot == slot }
    }

    /// Time at which the next transmission completes if no other begins.
    package var nextEnd: Double {
        var least = Double.infinity
        for transmission in active where transmission.end < least { least = transmission.end }
        return at + max(0, least - service) * Double(active.count) / rate
    }
}

/// A link that carries bytes one after the other: a host's downlink, or the shared link of a site.
package struct Pipe {
    /// Bytes per second; infinite for no limit.
    let rate: Double
    /// Time at which everything in flight has been delivered.
    private(set) var freeAt = 0.0
    package private(set) var bytes = 0.0

    package init(rate: Double) { self.rate = rate }

    /// - Parameters:
    ///   - start: arrival of the first byte.
    ///   - end: arrival of the last byte.
    /// - Returns: the time at which the last byte has been delivered.
    package mutating func carry(_ length: Double, from start: Double, to end: Double) -> Double {
        bytes += length
        guard rate.isFinite else { return end }
        freeAt = max(freeAt, start) + length / rate
        return max(end, freeAt)
    }
}
