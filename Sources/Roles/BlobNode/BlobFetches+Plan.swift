import Address
import HTTPOrigin
import Metainfo

extension BlobFetches {
    /// Where a blob can come from.
    package struct Plan: Sendable {
        package let info: BlobInfo
        package let peers: [PeerAddress]
        /// URLs of trackers, in the order in which they are asked.
        package let trackers: [String]
        /// Whether its swarm is that of any client, whatever secret there is.
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
        /// Bytes of pieces that are being received, of all downloads together.
        package var bufferBytes = 48 << 20
        /// Without a byte, after which a fetch is given up.
        package var patience = Duration.seconds(60)
        /// How long a fetch goes on that nobody waits for any more.
        package var linger = Duration.seconds(30)

        package init() {}
    }
}
