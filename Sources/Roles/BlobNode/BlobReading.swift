import Files
import Hashing
import Swarm

/// A blob that is read while it is fetched. The fetch goes on for as long as this object exists.
package final class BlobReading: Sendable {
    let digest: SHA256Digest
    package let file: HeldFile
    private let node: BlobNode
    private let transfer: Transfer
    private let reader: Transfer.ReaderID
    private let hold: FetchHold
    /// Keeps the complete blob from being evicted while it is read.
    private let lease: BlobLease

    init(
        _ digest: SHA256Digest, _ file: HeldFile, _ node: BlobNode, _ transfer: Transfer, _ reader: Transfer.ReaderID,
        _ hold: FetchHold
    ) {
        self.digest = digest
        self.file = file
        self.node = node
        self.transfer = transfer
        self.reader = reader
        self.hold = hold
        lease = node.catalogue.reserve(digest)
    }

    deinit {
        let (transfer, reader) = (transfer, reader)
        Task { await transfer.endReading(reader) }
    }

    /// Waits for the first byte of a range.
    /// - Returns: the end of the bytes that are available from the range's start on; nil when the fetch has ended without
    ///   them.
    package func available(_ range: Range<Int64>) async -> Int64? {
        if let end = await transfer.available(range, for: reader) { return end }
        // The transfer may have ended because the blob is complete: then all of its bytes are available.
        return node.catalogue.entry(of: digest) == nil ? nil : range.upperBound
    }
}
