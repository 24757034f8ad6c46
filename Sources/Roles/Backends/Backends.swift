// Backends: the permanent stores of blobs: a directory, a small file server, an object store, a web server.
//
// Purpose: one interface to all back ends, to ask for the size of a blob, read ranges of it, store it, and list the files;
// the choice of a back end by a content's name. Must never: report a blob as stored before it is durable in the back end;
// trust the bytes that a back end sends (callers check digests); show a key, follow a path out of its root, or hold a blob
// in memory.

import Hashing
import NIOCore
import Registry

/// One back end of a registry: a store, and the rule that maps blobs to paths in it.
package struct Backend: Sendable {
    package let store: any BackendStore
    package let names: BlobPaths
    /// The identity of this back end in the queue of uploads and in messages. It has no secret in it.
    package let label: String

    package init(_ store: any BackendStore, names: BlobPaths) {
        self.store = store
        self.names = names
        label = "\(store) \(names)"
    }

    /// The size of a blob in bytes; nil when the back end does not have it.
    package func size(of digest: BlobDigest) async throws(BackendProblem) -> Int64? {
        try await store.size(of: try names.path(of: digest.hex))
    }

    /// Reads a range of a blob, in order.
    package nonisolated(nonsending) func read(
        _ digest: BlobDigest, size: Int64, range: Range<Int64>, into sink: BackendSink
    ) async throws(BackendProblem) {
        try await store.read(try names.path(of: digest.hex), size: size, range: range, into: sink)
    }

    /// Stores a blob, and before it the info dictionary of its torrent: a reader that finds the blob finds both.
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
        /// The names of the content that goes to the back end.
        package let names: NamePatterns
        package let backend: Backend
        /// Whether this host is ready only while the back end answers.
        package let mustReady: Bool

        package init(names: NamePatterns, backend: Backend, mustReady: Bool = false) {
            self.names = names
            self.backend = backend
            self.mustReady = mustReady
        }
    }

    private let rules: [Rule]

    /// - Parameter rules: the first rule whose pattern matches a name counts.
    package init(_ rules: [Rule]) { self.rules = rules }

    /// One back end for all content.
    package init(all backend: Backend) throws(NamePatterns.Malformed) {
        rules = [Rule(names: try NamePatterns([".*"]), backend: backend)]
    }

    /// Those without which this host is not ready.
    package var needed: [Backend] { rules.filter(\.mustReady).map(\.backend) }

    package func backend(for name: ContentName) -> Backend? {
        rules.first { $0.names.match(name.text) }?.backend
    }

    package var labels: Set<String> { Set(rules.map(\.backend.label)) }

    /// The back end with a label; nil when it is no longer configured.
    package func backend(labelled label: String) -> Backend? { rules.first { $0.backend.label == label }?.backend }

    package func shutdown() async {
        for rule in rules { await rule.backend.shutdown() }
    }
}
