import BlobNode
import Hashing
import Registry
import Synchronization
import Threads
import Upkeep

/// Which blobs any client may have: those that some NAME has which is left to all of them. The index says so, and is asked again after
/// a while. Thread-safe.
package final class OpenVerdicts: Sendable {
    private let names: NamePatterns
    private let holders: any BlobHolders
    private let known = Mutex<[SHA256Digest: (isOpen: Bool, until: Double)]>([:])

    /// Seconds for which an answer holds. A blob may come to an open NAME at any time; that it leaves one is less urgent.
    private static let (openFor, closedFor) = (60.0, 5.0)
    private static let mostKnown = 50_000
    /// Names of a blob that are looked at.
    private static let mostNames = 1_000

    /// - Parameter names: those that are left to any client.
    package init(_ names: NamePatterns, holders: any BlobHolders) {
        self.names = names
        self.holders = holders
    }

    /// False where the index does not answer.
    package func isOpen(_ digest: SHA256Digest) async -> Bool {
        let now = Clocks.steadySeconds
        if let verdict = known.withLock({ $0[digest] }), now < verdict.until { return verdict.isOpen }
        guard let having = try? await holders.names(having: BlobDigest(digest), limit: Self.mostNames) else {
            return false
        }
        let isOpen = having.contains { names.match($0.text) }
        known.withLock { known in
            if known.count >= Self.mostKnown { known = known.filter { now < $0.value.until } }
            guard known.count < Self.mostKnown else { return }
            known[digest] = (isOpen, now + (isOpen ? Self.openFor : Self.closedFor))
        }
        return isOpen
    }
}

extension SwarmDoors {
    /// Those of an origin.
    package init(_ terms: SwarmTerms, holders: any BlobHolders) {
        guard terms.secret != nil, !terms.open.patterns.isEmpty else {
            self.init(secret: terms.secret)
            return
        }
        let verdicts = OpenVerdicts(terms.open, holders: holders)
        self.init(secret: terms.secret) { await verdicts.isOpen($0) }
    }
}
