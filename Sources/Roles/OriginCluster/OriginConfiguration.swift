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

/// What an origin is told, whatever that was read from.
package struct OriginConfiguration: Sendable {
    /// A directory: blobs and `origin.db`.
    package var data: String
    /// The database; nil for `origin.db` in the directory.
    package var database: String?
    /// Of the pieces of torrents that are made here; the same at all origins.
    package var pieceLengths = BlobPieceLengths.standard
    /// The site of this host; nil if it has none.
    package var site: String?
    /// Bytes a second to and from peers, all torrents together; nil for no limit.
    package var peerRates: (sent: Int?, received: Int?) = (nil, nil)
    package var listen = [ListenAddress(host: "127.0.0.1", port: 15002)]
    /// Where its engine listens. Nil for port 15001 of the first address in `listen`.
    package var peerListen: PeerAddress?
    /// Other origins, this one too. An origin alone needs no list.
    package var cluster = ClusterHosts.list([])
    /// This origin in that list, `host:port`; nil for its address, or for what it finds out by asking all.
    package var name: String?
    package var settings = ClusterSettings()
    /// In the order in which they are asked.
    package var indexes: [HTTPURL] = []
    /// Announce URLs.
    package var trackers: [String] = []
    /// How swarms are found; the same at all origins.
    package var swarms = SwarmTerms.anyClient
    /// Nil where blobs live here alone.
    package var backends: Backends?
    package var cold = ColdSettings()
    /// When blobs make room.
    package var space = SpaceRules()
    /// What agents are sent.
    package var egress: EgressLimits? = EgressLimits()
    /// A token of the role `cluster`, for indexes and other origins; nil where none is needed.
    package var credential: RegistryCredential?
    /// Of connections to indexes and other origins: the pin, or the authorities.
    package var transport = HTTPTransportSettings()

    package init(data: String) { self.data = data }
}
