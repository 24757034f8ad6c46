/// Limits on messages of a peer. Every length prefix is checked against them before a byte of the message is waited
/// for, so the kind of message bounds the buffer of a connection (unknown messages are not buffered).
///
/// Messages without a limit here have one fixed size (BEP 3, 6, 52).
public struct WireLimits: Sendable, Hashable {
    /// Longest block in a request or piece message, in bytes. Every client requests 16 KiB; Swoop requests up to this
    /// length from other Swoop nodes (`ExtensionHandshake.longestRequest`).
    public var longestBlock = 128 << 10

    /// Maximum number of pieces. Limits a bitfield, and the index in a have, while the metadata is unknown; afterwards
    /// the piece count does. A bitfield of this many pieces takes 512 KiB.
    public var mostPieces = 1 << 22

    /// Longest extension handshake, in bytes after the extended message's id (BEP 10).
    public var longestExtensionHandshake = 64 << 10

    /// Bytes of bencoding before the data in a ut_metadata message (BEP 9).
    public var longestMetadataHeader = 1 << 10

    /// Longest ut_pex message, in bytes (BEP 11). The first message may list all connections of a peer; this leaves
    /// room for some 3,000.
    public var longestPeerExchange = 32 << 10

    /// Maximum number of added peers used from one ut_pex message, both families together; the rest is ignored. BEP 11
    /// allows 50 in all messages except the first.
    public var mostExchangedPeers = 100

    /// Minimum seconds between two ut_pex messages that we send (BEP 11: at most one a minute).
    public var peerExchangeInterval = 60.0

    /// Minimum seconds between two ut_pex messages of one peer; one that comes sooner is ignored. Less than a minute,
    /// because the network may delay one message and not the next.
    public var leastPeerExchangeInterval = 45.0

    /// Largest info dictionary, in bytes (BEP 9 `metadata_size`).
    public var largestMetadata = 64 << 20

    /// Maximum number of base layer hashes in a hash request or response; a power of two (BEP 52).
    public var mostHashes = 512

    /// Maximum number of proof layers in the same: a tree of 2^64 leaves has no more.
    public var mostProofLayers = 64

    /// Longest message of an unknown kind (or extended message of an unknown id) that is skipped, in bytes. Skipped as
    /// it arrives and never buffered.
    public var longestUnknown = 1 << 20

    /// The range to which a peer's `reqq` is clamped (BEP 10: outstanding requests it keeps without dropping any).
    /// Peers have sent 0, -1 and 2^31 (transmission issue 8713): 0 would stall a download, 2^31 would flood the peer.
    public var requestDepth = 1...4096

    /// Assumed for a peer that sends no `reqq` (BEP 10 names libtorrent's default).
    public var defaultRequestDepth = 250

    /// Maximum number of connections between two Swoop nodes, including the first.
    public var mostConnections = 64

    /// Maximum length of a site name (`swoop_site`), in bytes.
    public var longestSite = 64

    public init() {}

    public static let `default` = WireLimits()

    /// The largest length prefix of any message; most kinds have lower limits.
    public var longestMessage: Int {
        let hashes = HashRequest.frameLength + 32 * (mostHashes + mostProofLayers)
        let extended = 2 + max(longestExtensionHandshake, longestMetadata, longestPeerExchange, longestUnknown)
        return max(1 + (mostPieces + 7) / 8, 9 + longestBlock, hashes, extended)
    }

    /// Longest ut_metadata message, in bytes.
    var longestMetadata: Int { MetadataMessage.pieceLength + longestMetadataHeader }
}
