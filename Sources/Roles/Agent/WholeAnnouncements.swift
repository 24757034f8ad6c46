import Hashing

/// The schedule by which whole blobs in the cache are announced to trackers. Pure.
package struct WholeAnnouncements: Sendable {
    /// Bounds of the seconds between two announces of a blob, for the interval that the tracker asks for.
    package static let interval = 30.0...600.0
    /// Seconds until the next announce, if no tracker answered.
    package static let again = 60.0
    /// Blobs that were not used for this many seconds are still uploaded on request, but not announced. As long as a cache
    /// usually keeps them: with less, hosts that all have a blob were idle while the origins sent it to new ones.
    package static let recent = 7 * 86_400.0
    /// Most blobs that ``due(_:now:)`` returns.
    package static let most = 64

    private var nextAt: [SHA256Digest: Double] = [:]

    package init() {}

    /// The blobs that are due for an announce, the last used first.
    /// - Parameters:
    ///   - blobs: all cached blobs.
    ///   - now: in seconds, by the clock of `usedAt`.
    package mutating func due(_ blobs: [(digest: SHA256Digest, usedAt: Double)], now: Double) -> [SHA256Digest] {
        let announced = blobs.filter { now - $0.usedAt <= Self.recent }
        let here = Set(announced.map(\.digest))
        nextAt = nextAt.filter { here.contains($0.key) }
        let due = announced.filter { (nextAt[$0.digest] ?? 0) <= now }.sorted { $0.usedAt > $1.usedAt }
        return due.prefix(Self.most).map(\.digest)
    }

    /// Schedules the next announce of a blob.
    /// - Parameter seconds: the interval that the tracker asks for; nil if none answered.
    package mutating func announced(_ digest: SHA256Digest, next seconds: Double?, now: Double) {
        let pause = seconds.map { min(max($0, Self.interval.lowerBound), Self.interval.upperBound) }
        nextAt[digest] = now + (pause ?? Self.again)
    }
}
