import Address
import JSON
import Policy
import Settings
import Text

/// The role of a node.
package enum NodeRole: String, Sendable, Hashable, CaseIterable { case sender, receiver, cacher }

/// Where a machine stores its content.
package enum MachineType: String, Sendable, Hashable, CaseIterable {
    /// On local disks.
    case local
    /// On a mounted bucket of the object store.
    case hwecs
}

/// The original location of a task's content.
package enum DataSource: String, Sendable, Hashable, CaseIterable { case local, obs }

/// The layout of a receiver's stored content.
package enum ReceiverStorePlan: String, Sendable, Hashable, CaseIterable {
    /// `BASE/NAME`.
    case a = "A"
    /// `BASE/SUBDIR/dcps/NAME`.
    case b = "B"
}

/// The kind of torrents that a sender makes.
package enum TorrentFormat: String, Sendable, Hashable, CaseIterable { case v1, hybrid }

/// The signature version for requests to the object store.
package enum StoreSignature: String, Sendable, Hashable, CaseIterable { case v4, v2 }

/// How a URL names the bucket: in the path, or in the host name.
package enum StoreStyle: String, Sendable, Hashable, CaseIterable { case path, virtual }

/// The node's configuration, `/etc/bft2/config.json`, checked. Each property names its key, of which ``NodeSettings`` says more.
package struct NodeConfiguration: Sendable, Hashable {
    /// `servertype`. The one key without a default.
    package var role: NodeRole
    /// `machinetype`.
    package var machineType = MachineType.local
    /// `datasource`.
    package var dataSource = DataSource.local
    /// `receiverstoreplan`.
    package var receiverStorePlan = ReceiverStorePlan.a
    /// `receiverid`, `vip`: identity of the receiver.
    package var receiverID = ""
    package var vip = ""
    /// `agent`, `agentdata`.
    package var agentFile: String?
    package var agentData = "/var/lib/swoop/agent"
    /// `senderid`.
    package var senderID = ""

    /// `basedatapath`: BASE.
    package var baseDataPath = "/data/dcp"
    /// `datapath`: DATA.
    package var dataPath = "/data"
    /// `basesubdir`: SUBDIR for calls that do not name one.
    package var baseSubdirectory: TaskSubdirectory?
    /// `hashtable`.
    package var hashTable = "/etc/bft2/hashtable.txt"
    /// `avoidrepeat`: whether files that exist locally are copied instead of transferred.
    package var avoidsRepeat = true
    /// `taskroots`: the directories in which calls may name task files. Default: DATA and `/tmp`.
    package var taskRoots: [String] = []

    /// `senderdomain`: the server from which receivers download torrents.
    package var senderDomain = ""
    /// `cdnurl`.
    package var cdnURL = ""
    /// `tracker`.
    package var tracker = ""
    /// `bt-obs-cdn`.
    package var shares = Shares(bt: 1, obs: 0, cdn: 0)
    /// `prior` or `priorpolicy`.
    package var policy = DeliveryPolicy.fulltime
    /// `bttime`, `obstime`, `cdntime`.
    package var windows = PerMethod(repeating: QuietWindow.always)
    /// `seedinwindow`: whether the window also applies to seeding.
    package var seedsInWindow = false
    /// `defaultseedtime`.
    package var defaultSeedTime = SeedTime(hours: 72)
    /// `ctfilesorder`: whether the BT share is one run of files from the start of the torrent.
    package var keepsTorrentOrder = true
    /// `torrentformat`.
    package var torrentFormat = TorrentFormat.v1
    /// `sourcetimeout`: seconds without a byte inside its window after which a method has no source left.
    package var sourceTimeout = 600

    /// `obsurl`: `obs://bucket`, the beginning of the URL in the object store of content whose SUBDIR is `basesubdir`. Empty: that
    /// SUBDIR is the bucket, as every other is.
    package var storeURL = ""
    /// `obsak`, `obssk`, `obsendpoint`.
    package var storeKeys = StoreKeys()
    /// `obsbuckets`: path of a file with keys for each organisation's bucket.
    package var bucketTable: String?
    /// `obsregion`.
    package var storeRegion = ""
    /// `obssignature`.
    package var storeSignature = StoreSignature.v4
    /// `obsstyle`. Nil: by path if the endpoint is an address, else by host name.
    package var storeStyle: StoreStyle?

    /// `btlimit`, `obslimit`, `cdnlimit`: maximum bytes per second that a method may receive on this node; nil for no
    /// limit.
    package var rateLimits = PerMethod<Int?>(repeating: nil)
    /// `uploadlimit`: maximum bytes per second to peers and stores; nil for no limit.
    package var uploadLimit: Int?

    /// `uploadingnum`, `downloadingnum`: maximum number of simultaneous tasks.
    package var uploadsAtOnce = 5
    package var downloadsAtOnce = 5

    /// `listen`: address of the API.
    package var listen = ListenAddress(host: "127.0.0.1", port: 8191)
    /// `www`: address of the file server; nil disables it.
    package var www: ListenAddress?
    /// `btlisten`: address for peers; port 0 lets the system choose. Nil: the engine chooses.
    package var torrentListen: ListenAddress?
    /// `apitoken`.
    package var apiToken: Secret?
    /// `tlscertificate`, `tlskey`: files with the API's certificate and its key; nil for plain HTTP. Neither is without the
    /// other.
    package var tlsCertificate: String?
    package var tlsKey: String?
    /// `tlspassphrase`: a file whose first line opens the key.
    package var tlsPassphrase: String?
    /// `tlsclientca`: a file with the certificates of those that vouch for clients of the API.
    package var tlsClientAuthority: String?
    /// `wwwtls`: whether the file server speaks TLS too, with the same certificate.
    package var wwwSpeaksTLS = false
    /// `callback`: a URL that is told when a task becomes ready, downloaded, finished or failed.
    package var callback: String?

    /// Warnings, one line each: unknown keys, an unusual `basesubdir`.
    package var warnings: [String] = []

    /// A configuration with every default.
    package init(role: NodeRole) {
        self.role = role
        taskRoots = Self.taskRoots(data: dataPath)
    }

    /// `taskroots` where it is not given.
    static func taskRoots(data: String) -> [String] { [data, "/tmp"] }

    /// Reads the text of a configuration file.
    /// - Parameter overrides: keys and values that hold in place of the file's; defaults that depend on them do too.
    package static func parse(
        _ bytes: [UInt8], overriding overrides: JSONObject = JSONObject()
    ) throws(ConfigurationError) -> NodeConfiguration {
        let value: JSONValue
        do { value = try JSONValue.parse(bytes, limits: .message) } catch { throw .syntax(error) }
        guard var object = value.objectValue else { throw .notAnObject }
        for member in overrides.members { object[member.key] = member.value }
        do {
            // The role is a key that must be there: the one below holds for nobody.
            var (configuration, notes) = try NodeSettings.table.read(
                SettingsSource(object), into: NodeConfiguration(role: .sender))
            try NodeSettings.check(configuration)
            configuration.warnings = notes.map(\.description)
            if configuration.role == .sender, !configuration.storeURL.isEmpty, configuration.baseSubdirectory == nil {
                configuration.warnings.append(
                    "'obsurl' has no effect without 'basesubdir', whose content it is for: other content is at obs://SUBDIR"
                )
            }
            return configuration
        } catch { throw .setting(error) }
    }

    /// The URL of a content in the object store, where the call that makes its task names none.
    package func storeURL(of name: String, in subdirectory: TaskSubdirectory) -> String {
        let isOwn = !storeURL.isEmpty && subdirectory == baseSubdirectory
        return "\(isOwn ? storeURL : "obs://\(subdirectory.text)")/dcps/\(name)"
    }
}
