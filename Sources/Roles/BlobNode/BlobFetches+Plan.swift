import Address
import HTTPOrigin
import Metainfo

extension BlobFetches {
    /// The sources from which a blob can be fetched.
    package struct Plan: Sendable {
        package let info: BlobInfo
        package let peers: [PeerAddress]
        /// URLs of trackers, in the order in which to announce to them.
        package let trackers: [String]
        /// Whether the blob's swarm is open to any client, even if there is a swarm secret.
        package let isOpen: Bool
        /// Where it comes from beside peers; nil for peers alone.
        package let source: (any RangeSource)?

        package init(
            info: BlobInfo, peers: [PeerAddress], trackers: [String], isOpen: Bool = false,
            source: (any RangeSource)? = nil
        ) {
            self.info = info
            self.peers = peers
            self.trackers = trackers
            self.isOpen = isOpen
            self.source = source
        }
    }

    package struct Settings: Sendable {
        package var mostAtOnce = 8
        /// Memory for pieces that are being received, in bytes, for all downloads together.
        package var bufferBytes = 48 << 20
        /// How long a fetch may go on without receiving a byte. After that it fails.
        package var patience = Duration.seconds(60)
        /// How long a fetch goes on after its last waiter or reader has left.
        package var linger = Duration.seconds(30)

        package init() {}
    }
}
