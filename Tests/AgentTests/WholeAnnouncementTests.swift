import Agent
import Hashing
import Testing

@Suite struct `Announces of whole blobs` {
    private let first = SHA256.digest([1])
    private let second = SHA256.digest([2])

    @Test func `come when the tracker wants them, for blobs that were used lately`() {
        var announcements = WholeAnnouncements()
        let now = 1_000_000.0
        let blobs = [(digest: first, usedAt: now - 3 * 86_400), (digest: second, usedAt: now - 8 * 86_400)]
        // As long as a cache usually keeps them.
        #expect(announcements.due(blobs, now: now) == [first])
        announcements.announced(first, next: 120, now: now)
        #expect(announcements.due(blobs, now: now + 119).isEmpty)
        #expect(announcements.due(blobs, now: now + 120) == [first])
        // No tracker makes it more often than every half minute, or rarer than every ten.
        announcements.announced(first, next: 1, now: now)
        #expect(announcements.due(blobs, now: now + 29).isEmpty && announcements.due(blobs, now: now + 30) == [first])
        announcements.announced(first, next: 9_000, now: now)
        #expect(announcements.due(blobs, now: now + 600) == [first])
        announcements.announced(first, next: nil, now: now)
        #expect(announcements.due(blobs, now: now + 60) == [first])
    }

    @Test func `are so many at a time, the last used first, and forgotten with their blob`() {
        var announcements = WholeAnnouncements()
        let blobs = (0..<200).map { (digest: SHA256.digest([UInt8($0)]), usedAt: Double($0)) }
        let due = announcements.due(blobs, now: 1_000)
        #expect(due == blobs.reversed().prefix(WholeAnnouncements.most).map(\.digest))
        for digest in due { announcements.announced(digest, next: 600, now: 1_000) }
        #expect(announcements.due(blobs, now: 1_000).first == blobs[200 - 1 - WholeAnnouncements.most].digest)
        #expect(announcements.due([], now: 1_000).isEmpty)
        #expect(announcements.due(blobs, now: 1_000).first == blobs[199].digest)
    }
}
