import NameIndex
import Registry
import Upkeep

/// Asks an index in the same process which blobs names refer to.
package struct OriginHolders: BlobHolders {
    let store: any TagStore

    package init(_ store: any TagStore) { self.store = store }

    package func names(having digest: BlobDigest, limit: Int) async throws(UpkeepProblem) -> [ContentName] {
        try await asked { () throws(TagStoreError) in try await store.names(having: digest, limit: limit) }
    }

    package func held(_ digests: [BlobDigest]) async throws(UpkeepProblem) -> Set<BlobDigest> {
        try await asked { () throws(TagStoreError) in try await store.held(digests) }
    }

    package func reached() async throws(UpkeepProblem) -> Set<BlobDigest>? {
        try await asked { () throws(TagStoreError) in try await store.reached() }
    }

    private func asked<Value>(_ body: () async throws(TagStoreError) -> Value) async throws(UpkeepProblem) -> Value {
        do { return try await body() } catch { throw UpkeepProblem("\(error)") }
    }
}
