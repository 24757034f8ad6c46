#if canImport(Glibc)
import Glibc
#endif

/// A listener of the process. Each has its own limits, so that a flood at one does not block another.
public enum Door: Int, CaseIterable, Sendable {
    /// The listener of the transfer engine.
    case peers
    /// HTTP connections of the tracker.
    case tracker
    /// The API of a node.
    case api
    /// The file server of a node.
    case files
}

/// How much of this process remote clients may use.
public struct AdmissionLimits: Sendable {
    /// Descriptors for remote clients' connections, all doors together.
    public var descriptors: Int
    /// Maximum number of open connections, by door.
    public var connections: [Door: Int] = [.peers: 4096, .tracker: 4096, .api: 512, .files: 1024]
    /// Maximum number of connections without a handshake or a whole request so far, by door.
    public var halfOpen: [Door: Int] = [.peers: 1024, .tracker: 1024, .api: 128, .files: 256]
    /// Connections of one source that do not make it a preferred victim when a pool is full.
    public var share = 4
    /// Seconds after progress during which a connection is not evicted, unless its source has more than its share.
    public var protection = 10.0
    /// Bytes of responses queued in this process for clients that read slowly, all connections together.
    public var unsentBytes = 16 << 20
    /// Bytes of large answers that were made whole, and are held in this process until their clients have read them, all
    /// connections together.
    public var answerBytes = 64 << 20
    /// Maximum number of requests answered at the same time, by door.
    public var requests: [Door: Int] = [.peers: 4096, .tracker: 4096, .api: 256, .files: 512]

    /// - Parameter descriptors: open files that the system allows this process. A quarter of them, at least 64 and at
    ///   most 1,024, is kept for files, records, publication and this process's own connections.
    public init(descriptors: Int) {
        let reserve = min(1024, max(64, descriptors / 4))
        self.descriptors = max(16, descriptors - reserve)
        // Each holds a file open, out of what is kept for files.
        requests[.files] = reserve / 2
    }

    /// Limits derived from the current limit on open files (RLIMIT_NOFILE).
    public static func ofThisProcess() -> AdmissionLimits {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else {
            return AdmissionLimits(descriptors: 1024)
        }
        return AdmissionLimits(descriptors: Int(clamping: limit.rlim_cur))
    }

    func connections(at door: Door) -> Int { min(descriptors, connections[door] ?? 0) }
    func halfOpen(at door: Door) -> Int { min(connections(at: door), halfOpen[door] ?? 0) }
}
