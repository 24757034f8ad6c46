// Backends: where blobs live in the end: a directory, a small file server, an object store, a web server.
//
// Purpose: one way to ask a back end how large a blob is, to read ranges of it, to store it and to list what is there; the
// choice of a back end by a content's name. Must never: say that something is stored before it is durable there; take what a
// back end sends for right (its caller checks digests); show a key, follow a path out of its root, or hold a blob in memory.

import Hashing
import NIOCore
import Registry

/// One back end as the blobs of a registry see it: a store, and how the blobs are called in it.
package struct Backend: Sendable {
    package let store: any BackendStore
    package let names: BlobPaths
    /// Tells this back end from others, in the queue and in messages; no secret is in it.
    package let label: String

    package init(_ store: any BackendStore, names: BlobPaths) {
        self.store = store
        self.names = names
        label = "\(store) \(names)"
    }

    /// Bytes of a blob; nil when it is not there.
    package func size(of digest: BlobDigest) async throws(BackendProblem) -> Int64? {
        try await store.size(of: try names.path(of: digest.hex))
    }

    /// Reads a range of a blob, in order.
    package nonisolated(nonsending) func read(
        _ digest: BlobDigest, size: Int64, range: Range<Int64>, into sink: BackendSink
    ) async throws(BackendProblem) {
        try await store.read(try names.path(of: digest.hex), size: size, range: range, into: sink)
    }

    /// Stores a blob, and the info dictionary of its torrent before it: who sees the blob sees both.
    /// - Parameter info: the path of the info dictionary's file; nil for a blob that has none.
    package func store(_ digest: BlobDigest, file: String, info: String?) async throws(BackendProblem) {
        let path = try names.path(of: digest.hex)
        if let info, let beside = path.appending(suffix: ".info") { try await store.upload(file: info, to: beside) }
        try await store.upload(file: file, to: path)
    }

    /// The info dictionary of a blob's torrent, as it lies beside the blob: whoever wrote it may be wrong. Nil where there is none.
    /// - Parameter limit: bytes of the largest one that is read; a larger one counts as none.
    package func info(of digest: BlobDigest, limit: Int) async throws(BackendProblem) -> [UInt8]? {
        guard let path = try names.path(of: digest.hex).appending(suffix: ".info"),
            let size = try await store.size(of: path), size > 0, size <= Int64(limit)
        else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Int(size))
        try await store.read(path, size: size, range: 0..<size) { part, _ in bytes += part.readableBytesView }
        return bytes
    }

    package func shutdown() async { await store.shutdown() }
}

/// The back ends of a registry, chosen by the content's name.
package struct Backends: Sendable {
    package struct Rule: Sendable {
        /// The names that the back end is for.
        package let names: NamePatterns
        package let backend: Backend

        package init(names: NamePatterns, backend: Backend) {
            self.names = names
            self.backend = backend
        }
    }

    private let rules: [Rule]

    /// - Parameter rules: the first whose pattern matches counts.
    package init(_ rules: [Rule]) { self.rules = rules }

    /// All content goes to one back end.
    package init(all backend: Backend) throws(NamePatterns.Malformed) {
        rules = [Rule(names: try NamePatterns([".*"]), backend: backend)]
    }

    package func backend(for name: ContentName) -> Backend? {
        rules.first { $0.names.match(name.text) }?.backend
    }

    /// The back end of that label; nil when it is no longer configured.
    package func backend(labelled label: String) -> Backend? { rules.first { $0.backend.label == label }?.backend }

    package func shutdown() async {
        for rule in rules { await rule.backend.shutdown() }
    }
}
