import BlobNode
import Hashing
import Registry
import Synchronization
import Threads
import Upkeep

/// Decides which blobs any client may find in a swarm: those that an open NAME refers to. Asks the index, and caches
/// its answers for a while. Thread-safe.
package final class OpenVerdicts: Sendable {
    private let names: NamePatterns
    private let holders: any BlobHolders
    private let known = Mutex<[SHA256Digest: (isOpen: Bool, until: Double)]>([:])

    /// Seconds for which an answer is cached. A closed blob may be linked to an open NAME at any time, and should be
    /// found soon after; the opposite change is less urgent.
    private static let (openFor, closedFor) = (60.0, 5.0)
    private static let mostKnown = 50_000
    /// Most names of a blob that are looked at.
    private static let mostNames = 1_000

    /// - Parameter names: patterns of the open names.
    package init(_ names: NamePatterns, holders: any BlobHolders) {
        self.names = names
        self.holders = holders
    }

    /// Whether any client may find the blob. False if the index does not answer.
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
    /// The terms by which an origin's swarms are found: any client finds the swarms of blobs under open names.
    package init(_ terms: SwarmTerms, holders: any BlobHolders) {
        guard terms.secret != nil, !terms.open.patterns.isEmpty else {
            self.init(secret: terms.secret)
            return
        }
        let verdicts = OpenVerdicts(terms.open, holders: holders)
        self.init(secret: terms.secret) { await verdicts.isOpen($0) }
    }
}
