import Address
import Backends
import ColdStore
import HTTPTransport
import Metainfo
import Registry
import RegistryClient
import SwarmCore
import Text
import Upkeep

/// The configuration of an origin, independent of flags and files.
package struct OriginConfiguration: Sendable {
    /// The directory of the blobs, and of `origin.db`.
    package var data: String
    /// Path of the database; nil for `origin.db` in `data`.
    package var database: String?
    /// Piece lengths of the torrents that are made here. Must be the same at all origins.
    package var pieceLengths = BlobPieceLengths.standard
    /// The site of this host; nil if it has none.
    package var site: String?
    /// Bytes per second to and from peers, all torrents together; nil for no limit.
    package var peerRates: (sent: Int?, received: Int?) = (nil, nil)
    package var listen = [ListenAddress(host: "127.0.0.1", port: 15002)]
    /// The address at which the engine listens; nil for port 15001 of the first address in `listen`.
    package var peerListen: PeerAddress?
    /// All origins, including this one. A single origin needs no list.
    package var cluster = ClusterHosts.list([])
    /// This origin's entry in that list, `host:port`. Nil: the entry that equals an address in `listen`, or else the
    /// one that the origin finds by asking all.
    package var name: String?
    package var settings = ClusterSettings()
    /// The indexes, in the order in which they are asked.
    package var indexes: [HTTPURL] = []
    /// Announce URLs.
    package var trackers: [String] = []
    /// How swarms are found. Must be the same at all origins.
    package var swarms = SwarmTerms.anyClient
    /// Nil without back ends: blobs are stored at the origins only.
    package var backends: Backends?
    package var cold = ColdSettings()
    /// When blobs are removed to free space.
    package var space = SpaceRules()
    /// Limits of what is sent to agents; nil for none.
    package var egress: EgressLimits? = EgressLimits()
    /// A token with the role `cluster`, for calls to indexes and other origins; nil for a registry without tokens.
    package var credential: RegistryCredential?
    /// Settings of connections to indexes and other origins: the certificate pin, or the authorities.
    package var transport = HTTPTransportSettings()

    package init(data: String) { self.data = data }
}
