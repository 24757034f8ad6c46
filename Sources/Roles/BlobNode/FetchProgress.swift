import Swarm

/// Why a blob could not be fetched.
package struct FetchProblem: Error, Sendable, CustomStringConvertible {
    package enum Kind: Sendable, Hashable {
        /// No peer or origin with the blob could be reached.
        case noSource
        case disk
        /// The cache, or its disk, has no room for the blob.
        case full
        case stopped
        case other
    }

    package let kind: Kind
    package let description: String
}

/// The progress of a fetch.
package struct FetchProgress: Sendable, Hashable {
    /// Bytes received and verified, of `total` bytes.
    package var done: Int64
    package var total: Int64
    /// Bytes per second.
    package var rate: Double
    /// Connected peers: `peers` are other hosts, `origins` are owners of the blob.
    package var peers: Int
    package var origins: Int
    /// Why nothing is being received, as far as it is known; nil while something is.
    package var trouble: String?

    package init(
        done: Int64, total: Int64, rate: Double, peers: Int, origins: Int, trouble: String? = nil
    ) {
        self.done = done
        self.total = total
        self.rate = rate
        self.peers = peers
        self.origins = origins
        self.trouble = trouble
    }
}

/// Sums over all fetches since the start.
package struct FetchFigures: Sendable, Hashable {
    package var underWay = 0
    /// Blobs that were fetched.
    package private(set) var complete = 0
    package internal(set) var failed = 0
    /// Seconds that the complete fetches took, together.
    package private(set) var seconds = 0.0
    /// Bytes of payload that were received.
    package private(set) var received: Int64 = 0
    /// The bytes of `received` that came from owners of the blobs.
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
