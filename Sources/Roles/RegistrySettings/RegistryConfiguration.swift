// RegistrySettings: the configuration of a registry's roles.
//
// Purpose: the table of all keys, Kraken's among them, and the typed values that are read by it; the names of the seed's and
// Kraken's programs, and their command lines. Must never: do I/O, open a file that a key names, or show a secret.

import Address
import JSON
import Settings
import Text

/// All values of a configuration, for any role. Each role uses the values that concern it, and its own default for a value
/// that is nil or empty.
package struct RegistryConfiguration: Sendable, Equatable {
    // This role's own place.
    package var data: String?
    package var host: String?
    package var site: String?
    /// The URL of any origin or index, from which an agent learns of the others.
    package var registry: String?

    // Other roles.
    package var cluster = HostList()
    package var origin = HostList()
    package var tracker = HostList()
    package var buildIndex = HostList()
    package var hashRing = HashRing()
    package var healthCheck = HealthCheck()

    // Blobs.
    package var backEnds: [BackEnd] = []
    package var auth = Credentials()
    package var caStore = BlobStore()
    package var store = BlobStore()
    package var cache = Cache()
    package var metainfo = PieceLengths()
    package var writeBack = Retries()
    package var localDatabase = LocalDatabase()
    package var blobRefresh = BlobRefresh()
    package var scheduler = Scheduler()
    package var budget: Double?
    package var direct: Int?
    package var repairAfter: Double?

    // Tags.
    package var database: Secret?
    package var mutable: [String]?
    package var remotes: [Keyed<[String]>] = []
    package var tagReplication = Retries()
    package var follow: [String] = []

    // Trackers.
    package var peerStore = PeerStore()
    package var trackerServer = TrackerServing()

    // Access.
    package var tokens: [JSONValue] = []
    /// The token with which this role calls other roles.
    package var token: Secret?
    package var insecure = false
    package var local: LocalCallers?
    package var allowed: [AddressRange] = []
    package var tls = TLSPlaces()
    package var swarmSecret: Secret?
    package var open: [String] = []

    package var logging = LogPlaces()

    package init() {}

    /// - Returns: the configuration, and notes on the files that are not errors.
    package static func read(
        _ source: SettingsSource
    ) throws(SettingsError) -> (configuration: RegistryConfiguration, notes: [SettingNote]) {
        let (root, notes) = try RegistryTable.table.read(source, into: RegistryConfiguration())
        return (root, notes)
    }
}
