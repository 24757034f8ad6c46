import NIOCore

/// Takes the bytes of a range as they come.
/// - Parameter offset: where they begin in the file.
package typealias BackendSink = (_ bytes: ByteBuffer, _ offset: Int64) async throws(BackendProblem) -> Void

/// A place for files by path. Every implementation runs the same contract suite.
package protocol BackendStore: Sendable, CustomStringConvertible {
    /// What can be stored can be read at once by everybody; false for a store that is only read.
    var isWritable: Bool { get }

    /// Bytes; nil when there is no such file.
    func size(of path: BackendPath) async throws(BackendProblem) -> Int64?

    /// Reads a range in order, to its end or until the sink throws. The next bytes are read when the sink has returned.
    /// - Parameters:
    ///   - size: of the file, as ``size(of:)`` said it.
    ///   - range: within the file.
    /// - Throws: `missing` when there is no such file, `wrong` when other bytes than those come.
    nonisolated(nonsending) func read(
        _ path: BackendPath, size: Int64, range: Range<Int64>, into sink: BackendSink
    ) async throws(BackendProblem)

    /// Stores a file, in one step and durably: when this returns nothing takes it away, and until then the old one is there.
    /// - Parameter file: the path of a local file that does not change meanwhile.
    func upload(file: String, to path: BackendPath) async throws(BackendProblem)

    /// Calls `body` with the paths of all files below a directory, some at a time, in no order that counts.
    /// - Parameter directory: nil for all files of the store.
    func list(below directory: BackendPath?, _ body: ([String]) async -> Void) async throws(BackendProblem)

    /// Closes connections. Running calls fail.
    func shutdown() async
}

extension BackendStore {
    package func shutdown() async {}
}

/// Why a back end did not do what was asked.
package struct BackendProblem: Error, Sendable, Hashable, CustomStringConvertible {
    package enum Kind: Sendable, Hashable {
        /// There is no such file.
        case missing
        /// It cannot be reached, is busy or broke off: the same may work later.
        case unavailable
        /// It refuses: credentials, permissions, a bucket that is not there.
        case refused
        /// It sends something else than was asked for.
        case wrong
        /// It has no such operation.
        case unsupported
        /// A file of this host, or a disk of the back end, cannot be read or written.
        case disk
        case cancelled
    }

    package let kind: Kind
    package let description: String
    /// Seconds after which the back end asks to be asked again; nil if it did not say.
    package let retryAfter: Double?

    package init(_ kind: Kind, _ description: String, retryAfter: Double? = nil) {
        self.kind = kind
        self.description = description
        self.retryAfter = retryAfter
    }

    /// Whether all of the back end is concerned, not this file alone.
    package var isOfBackend: Bool { kind == .unavailable || kind == .refused }
}
