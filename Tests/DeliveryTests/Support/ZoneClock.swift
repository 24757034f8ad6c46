import Delivery
import Foundation

/// The clocks of a place by its IANA name.
struct ZoneClock: WallClock {
    let zone: TimeZone

    init(_ name: String) throws {
        struct NoSuchZone: Error { let name: String }
        guard let zone = TimeZone(identifier: name) else { throw NoSuchZone(name: name) }
        self.zone = zone
    }

    func utcOffset(at instant: Instant) -> Int {
        zone.secondsFromGMT(for: Date(timeIntervalSince1970: instant.seconds))
    }

    func zoneName(at instant: Instant) -> String {
        zone.abbreviation(for: Date(timeIntervalSince1970: instant.seconds)) ?? ""
    }
}

/// China, which changes its clocks no more.
let china = FixedOffsetClock(offset: 8 * 3600, name: "CST")

/// Numbers that are the same in every run.
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var value = state
        value = (value ^ (value >> 30)) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ (value >> 27)) &* 0x94d0_49bb_1331_11eb
        return value ^ (value >> 31)
    }
}
