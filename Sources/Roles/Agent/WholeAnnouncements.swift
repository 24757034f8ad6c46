import Hashing

/// When trackers hear which whole blobs are here. Pure.
package struct WholeAnnouncements: Sendable {
    /// Seconds between two announces of a blob: what the tracker asks for, within these.
    package static let interval = 30.0...600.0
    /// After an announce that no tracker answered.
    package static let again = 60.0
    /// Blobs that were not used for so long are served to those who ask, and not announced.
    package static let recent = 86_400.0
    /// Announces of one look.
    package static let most = 64

    private var nextAt: [SHA256Digest: Double] = [:]

    package init() {}

    /// The blobs whose turn it is, the last used first.
    /// - Parameters:
    ///   - blobs: all that are cached.
    ///   - now: on the clock of `usedAt`.
    package mutating func due(_ blobs: [(digest: SHA256Digest, usedAt: Double)], now: Double) -> [SHA256Digest] {
        let announced = blobs.filter { now - $0.usedAt <= Self.recent }
        let here = Set(announced.map(\.digest))
        nextAt = nextAt.filter { here.contains($0.key) }
        let due = announced.filter { (nextAt[$0.digest] ?? 0) <= now }.sorted { $0.usedAt > $1.usedAt }
        return due.prefix(Self.most).map(\.digest)
    }

    /// - Parameter seconds: that the tracker asks to wait; nil when none answered.
    package mutating func announced(_ digest: SHA256Digest, next seconds: Double?, now: Double) {
        let pause = seconds.map { min(max($0, Self.interval.lowerBound), Self.interval.upperBound) }
        nextAt[digest] = now + (pause ?? Self.again)
    }
}
