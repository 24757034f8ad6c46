import Foundation
import Policy

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
