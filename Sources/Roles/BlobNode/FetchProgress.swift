import Swarm

/// Why a blob did not come.
package struct FetchProblem: Error, Sendable, CustomStringConvertible {
    package enum Kind: Sendable, Hashable {
        /// Nobody who has it could be reached.
        case noSource
        case disk
        /// The cache, or the disk, has no room for it.
        case full
        case stopped
        case other
    }

    package let kind: Kind
    package let description: String
}

/// How far a fetch is.
package struct FetchProgress: Sendable, Hashable {
    /// Bytes.
    package var done: Int64
    package var total: Int64
    /// Bytes per second.
    package var rate: Double
    /// Connected peers: other hosts, and owners of the blob.
    package var peers: Int
    package var origins: Int
}

/// Sums over all fetches since the start.
package struct FetchFigures: Sendable, Hashable {
    package var underWay = 0
    /// Blobs that came.
    package private(set) var complete = 0
    package internal(set) var failed = 0
    /// Seconds that those took that came.
    package private(set) var seconds = 0.0
    /// Bytes of payload.
    package private(set) var received: Int64 = 0
    /// Those of them that came from the owners of blobs.
    package private(set) var receivedFromOwners: Int64 = 0
    package private(set) var sent: Int64 = 0

    mutating func came(in seconds: Double) {
        complete += 1
        self.seconds += seconds
    }

    mutating func add(_ status: TransferStatus) {
        received += status.downloaded
        receivedFromOwners += status.downloadedFromGiven
        sent += status.uploaded
    }
}
