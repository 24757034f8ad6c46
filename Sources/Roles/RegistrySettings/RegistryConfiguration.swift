// RegistrySettings: the configuration of a registry's roles.
//
// Purpose: the table of its keys, Kraken's among them, and the values that are made of it; the seed's names of programs, and
// their flags as Go reads them. Must never: do I/O, open what a file names, or show a secret.

import Address
import JSON
import Settings
import Text

/// What the files of any role may say. Each role takes what concerns it; what is nil or empty has the role's own default.
package struct RegistryConfiguration: Sendable, Equatable {
    // Where this role is.
    package var data: String?
    package var host: String?
    package var site: String?
    /// Any origin or index; where an agent begins.
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
    /// What this role shows others.
    package var token: Secret?
    package var insecure = false
    package var local: LocalCallers?
    package var allowed: [AddressRange] = []
    package var tls = TLSPlaces()
    package var swarmSecret: Secret?
    package var open: [String] = []

    package var logging = LogPlaces()

    package init() {}

    /// - Returns: the configuration, and what is odd in the files but no error.
    package static func read(
        _ source: SettingsSource
    ) throws(SettingsError) -> (configuration: RegistryConfiguration, notes: [SettingNote]) {
        let (root, notes) = try RegistryTable.table.read(source, into: RegistryConfiguration())
        return (root, notes)
    }
}
