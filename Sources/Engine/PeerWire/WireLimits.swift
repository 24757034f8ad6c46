/// How much one peer may ask of us on the wire. Every length prefix is judged by these before a byte of the message is
/// waited for, so what a connection buffers is bounded by the kind of message (nothing is buffered of unknown
/// messages).
///
/// Messages that are not named here have one exact size (BEP 3, 6, 52).
public struct WireLimits: Sendable, Hashable {
    /// Longest block that a request may ask for or a piece message may carry, in bytes. 16 KiB is what every client
    /// asks for; Swoop asks its own kind for up to this (`ExtensionHandshake.longestRequest`).
    public var longestBlock = 128 << 10

    /// Most pieces of any content. Caps a bitfield, and the index in a have, while the metadata is still unknown;
    /// afterwards the piece count itself does. The bitfield of so many pieces is 512 KiB.
    public var mostPieces = 1 << 22

    /// Longest extension handshake, in bytes after the extended message's id (BEP 10).
    public var longestExtensionHandshake = 64 << 10

    /// Bytes of bencoding in front of the piece in a ut_metadata message (BEP 9).
    public var longestMetadataHeader = 1 << 10

    /// Longest ut_pex message, in bytes (BEP 11): the first one may list all of a peer's connections, so this has room
    /// for some 3,000. A list of a million does not pass.
    public var longestPeerExchange = 32 << 10

    /// Most peers used of one ut_pex message, added ones of both families together; the rest is ignored. BEP 11 allows
    /// 50 in all but the first message.
    public var mostExchangedPeers = 100

    /// Least seconds between two ut_pex messages that we send (BEP 11: no more than one a minute).
    public var peerExchangeInterval = 60.0

    /// Least seconds between two ut_pex messages of one peer that we use; one that comes sooner is ignored. Less than
    /// a minute, for the network may hold one message back and not the next.
    public var leastPeerExchangeInterval = 45.0

    /// Largest info dictionary, in bytes (BEP 9 `metadata_size`).
    public var largestMetadata = 64 << 20

    /// Most hashes from the base layer in a hash request or its answer, a power of two (BEP 52).
    public var mostHashes = 512

    /// Most proof layers in the same: a tree of 2^64 leaves has no more.
    public var mostProofLayers = 64

    /// Longest message of an unknown kind (or extended message of an unknown id) that is skipped, in bytes. It is
    /// skipped as it comes and never buffered.
    public var longestUnknown = 1 << 20

    /// Range that a peer's `reqq` (BEP 10: outstanding requests it holds without dropping any) is clamped to. Peers
    /// have sent 0, -1 and 2^31 (transmission issue 8713): at 0 a download would stand still, at 2^31 it would flood.
    public var requestDepth = 1...4096

    /// Assumed for a peer that gives no `reqq` (BEP 10 names libtorrent's default).
    public var defaultRequestDepth = 250

    /// Most connections of one pair of Swoop nodes that are worked with, the first included.
    public var mostLines = 64

    /// Longest name of a site (`swoop_site`), in bytes.
    public var longestSite = 64

    public init() {}

    public static let `default` = WireLimits()

    /// The largest length prefix that any message may have; most kinds have tighter limits of their own.
    public var longestMessage: Int {
        let hashes = HashRequest.frameLength + 32 * (mostHashes + mostProofLayers)
        let extended = 2 + max(longestExtensionHandshake, longestMetadata, longestPeerExchange, longestUnknown)
        return max(1 + (mostPieces + 7) / 8, 9 + longestBlock, hashes, extended)
    }

    /// Longest ut_metadata message, in bytes.
    var longestMetadata: Int { MetadataMessage.pieceLength + longestMetadataHeader }
}
