import NIOCore

/// Takes the bytes of a range as they come.
/// - Parameter offset: where they begin in the file.
package typealias BackendSink = (_ bytes: ByteBuffer, _ offset: Int64) async throws(BackendProblem) -> Void

/// A store of files by path. Every implementation runs the same contract suite.
package protocol BackendStore: Sendable, CustomStringConvertible {
    /// Whether files can be stored. A stored file can be read at once by any client. False for a read-only store.
    var isWritable: Bool { get }

    /// The size of a file in bytes; nil when there is no such file.
    func size(of path: BackendPath) async throws(BackendProblem) -> Int64?

    /// Reads a range in order, to its end or until the sink throws. The next bytes are read once the sink has returned.
    /// - Parameters:
    ///   - size: of the file, as ``size(of:)`` said it.
    ///   - range: within the file.
    /// - Throws: `missing` when there is no such file, `wrong` when other bytes than those come.
    nonisolated(nonsending) func read(
        _ path: BackendPath, size: Int64, range: Range<Int64>, into sink: BackendSink
    ) async throws(BackendProblem)

    /// Stores a file atomically and durably: when this returns, the file survives a crash, and until then the old file is in
    /// place.
    /// - Parameter file: the path of a local file, which must not change meanwhile.
    func upload(file: String, to path: BackendPath) async throws(BackendProblem)

    /// Calls `body` with the paths of all files below a directory, some at a time, in any order.
    /// - Parameter directory: nil for all files of the store.
    func list(below directory: BackendPath?, _ body: ([String]) async -> Void) async throws(BackendProblem)

    /// Closes connections. Running calls fail.
    func shutdown() async
}

extension BackendStore {
    package func shutdown() async {}
}

/// Why an operation of a back end failed.
package struct BackendProblem: Error, Sendable, Hashable, CustomStringConvertible {
    package enum Kind: Sendable, Hashable {
        /// There is no such file.
        case missing
        /// The back end cannot be reached, is busy, or broke the connection: the operation may succeed later.
        case unavailable
        /// The back end refuses the request: credentials, permissions, or a bucket that does not exist.
        case refused
        /// The back end's answer does not match the request.
        case wrong
        /// The back end does not have this operation.
        case unsupported
        /// A file of this host, or the back end's disk, cannot be read or written.
        case disk
        case cancelled
    }

    package let kind: Kind
    package let description: String
    /// Seconds after which the back end wants the request to be repeated (`Retry-After`); nil if it gave none.
    package let retryAfter: Double?

    package init(_ kind: Kind, _ description: String, retryAfter: Double? = nil) {
        self.kind = kind
        self.description = description
        self.retryAfter = retryAfter
    }

    /// Whether the failure concerns the whole back end, not only this file.
    package var isOfBackend: Bool { kind == .unavailable || kind == .refused }
}
