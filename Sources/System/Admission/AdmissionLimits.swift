#if canImport(Glibc)
import Glibc
#endif

/// A place where strangers come in. Each has a bound of its own, so that a flood at one does not shut another.
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

/// How much strangers may take of this process.
public struct AdmissionLimits: Sendable {
    /// Descriptors that strangers' connections may hold, all doors together.
    public var descriptors: Int
    /// Connections open at a time, by door.
    public var connections: [Door: Int] = [.peers: 4096, .tracker: 4096, .api: 512, .files: 1024]
    /// Connections that have not yet said what they want, by door: no handshake, no whole request.
    public var halfOpen: [Door: Int] = [.peers: 1024, .tracker: 1024, .api: 128, .files: 256]
    /// Connections of one source that are not held against it when a pool is full.
    public var share = 4
    /// Seconds after progress in which a connection is not closed to make room, as long as its source has no more than
    /// its share.
    public var protection = 10.0
    /// Bytes of answers that wait in this process for peers that read slowly, all connections together.
    public var unsentBytes = 16 << 20
    /// Requests being answered at a time, by door.
    public var requests: [Door: Int] = [.peers: 4096, .tracker: 4096, .api: 256, .files: 512]

    /// - Parameter descriptors: open files that the system allows this process. A quarter of them, at least 64 and at most
    ///   1,024, is kept for files, records, publication and this process's own connections.
    public init(descriptors: Int) {
        let reserve = min(1024, max(64, descriptors / 4))
        self.descriptors = max(16, descriptors - reserve)
        // Each holds a file open, out of what is kept for files.
        requests[.files] = reserve / 2
    }

    /// From the limit on open files that is in force now.
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
