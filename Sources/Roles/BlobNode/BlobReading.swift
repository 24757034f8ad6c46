import Files
import Hashing
import Swarm

/// A blob that is read while it arrives. Whoever has it keeps the fetch going.
package final class BlobReading: Sendable {
    let digest: SHA256Digest
    package let file: HeldFile
    private let node: BlobNode
    private let transfer: Transfer
    private let reader: Transfer.ReaderID
    private let hold: FetchHold
    /// When it is whole, it stays while somebody reads it.
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
    /// - Returns: the end of what is there from it on; nil when nothing comes any more.
    package func available(_ range: Range<Int64>) async -> Int64? {
        if let end = await transfer.available(range, for: reader) { return end }
        // What is whole is there, whether it is given on from here or not.
        return node.catalogue.entry(of: digest) == nil ? nil : range.upperBound
    }
}
