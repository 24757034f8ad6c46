import Text
import Address
import JSON

/// What a node does of all that this program can.
public enum NodeRole: String, Sendable, Hashable, CaseIterable { case sender, receiver, cacher }

/// Where a machine keeps its content.
public enum MachineType: String, Sendable, Hashable, CaseIterable {
    /// On local disks.
    case local
    /// On a mounted bucket of the object store.
    case hwecs
}

/// Where the content of a task comes from at first.
public enum DataSource: String, Sendable, Hashable, CaseIterable { case local, obs }

/// How a receiver lays out what it stores.
public enum ReceiverStorePlan: String, Sendable, Hashable, CaseIterable {
    /// `BASE/NAME`.
    case a = "A"
    /// `BASE/SUBDIR/dcps/NAME`.
    case b = "B"
}

/// Which kind of torrents a sender makes.
public enum TorrentFormat: String, Sendable, Hashable, CaseIterable { case v1, hybrid }

/// How requests to the object store are signed.
public enum StoreSignature: String, Sendable, Hashable, CaseIterable { case v4, v2 }

/// How a bucket is named in a URL: in the path, or as part of the host name.
public enum StoreStyle: String, Sendable, Hashable, CaseIterable { case path, virtual }

/// The node's configuration, `/etc/bft2/config.json`, checked. Each property names its key.
public struct NodeConfiguration: Sendable, Hashable {
    /// `servertype`. The one key without a default.
    public var role: NodeRole
    /// `machinetype`.
    public var machineType = MachineType.local
    /// `datasource`.
    public var dataSource = DataSource.local
    /// `receiverstoreplan`.
    public var receiverStorePlan = ReceiverStorePlan.a
    /// `receiverid`, `vip`: what the receiver is known by.
    public var receiverID = ""
    public var vip = ""
    /// `senderid`.
    public var senderID = ""

    /// `basedatapath`: BASE.
    public var baseDataPath = "/data/dcp"
    /// `datapath`: DATA.
    public var dataPath = "/data"
    /// `basesubdir`: SUBDIR of calls that do not name one.
    public var baseSubdirectory: TaskSubdirectory?
    /// `hashtable`.
    public var hashTable = "/etc/bft2/hashtable.txt"
    /// `avoidrepeat`: whether what lies here already is copied and not transferred.
    public var avoidsRepeat = true
    /// `taskroots`: the directories that calls may name task files in. Default: DATA and `/tmp`.
    public var taskRoots: [String] = []

    /// `senderdomain`: where receivers get torrents from.
    public var senderDomain = ""
    /// `cdnurl`.
    public var cdnURL = ""
    /// `tracker`.
    public var tracker = ""
    /// `bt-obs-cdn`.
    public var shares = Shares(bt: 1, obs: 0, cdn: 0)
    /// `prior` or `priorpolicy`.
    public var policy = DeliveryPolicy.fulltime
    /// `bttime`, `obstime`, `cdntime`.
    public var windows = PerMethod(repeating: QuietWindow.always)
    /// `seedinwindow`: whether seeding keeps to the window too.
    public var seedsInWindow = false
    /// `defaultseedtime`.
    public var defaultSeedTime = SeedTime(hours: 72)
    /// `ctfilesorder`: whether the BT share is one run from the head of the torrent.
    public var keepsTorrentOrder = true
    /// `torrentformat`.
    public var torrentFormat = TorrentFormat.v1
    /// `sourcetimeout`: seconds without a byte inside its window after which a method has no source left.
    public var sourceTimeout = 600

    /// `obsurl`: `obs://bucket`, where the URL of a task's content begins unless SUBDIR is the bucket.
    public var storeURL = ""
    /// `obsak`, `obssk`, `obsendpoint`.
    public var storeKeys = StoreKeys()
    /// `obsbuckets`: path of a file with the keys of each organisation's bucket.
    public var bucketTable: String?
    /// `obsregion`.
    public var storeRegion = ""
    /// `obssignature`.
    public var storeSignature = StoreSignature.v4
    /// `obsstyle`. Nil: by path where the endpoint is an address, else by host name.
    public var storeStyle: StoreStyle?

    /// `btlimit`, `obslimit`, `cdnlimit`: bytes a second that a method may receive on this node; nil for no limit.
    public var rateLimits = PerMethod<Int?>(repeating: nil)
    /// `uploadlimit`: bytes a second to peers and stores; nil for no limit.
    public var uploadLimit: Int?

    /// `uploadingnum`, `downloadingnum`: tasks at once.
    public var uploadsAtOnce = 5
    public var downloadsAtOnce = 5

    /// `listen`: the API.
    public var listen = ListenAddress(host: "127.0.0.1", port: 8191)
    /// `www`: the file server; nil turns it off.
    public var www: ListenAddress?
    /// `btlisten`: where peers connect to; port 0 lets the system choose. Nil: the engine's own choice.
    public var torrentListen: ListenAddress?
    /// `apitoken`.
    public var apiToken: Secret?
    /// `callback`: a URL that is told when a task becomes ready, downloaded, finished or failed.
    public var callback: String?

    /// What is odd but no error, a line each: unknown keys, a `basesubdir` of an unusual shape.
    public var warnings: [String] = []

    /// A configuration with every default.
    public init(role: NodeRole) {
        self.role = role
        taskRoots = [dataPath, "/tmp"]
    }

    /// Reads the text of a configuration file.
    /// - Parameter overrides: keys and values that hold in place of the file's; defaults that depend on them do too.
    public static func parse(
        _ bytes: [UInt8], overriding overrides: JSONObject = JSONObject()
    ) throws(ConfigurationError) -> NodeConfiguration {
        let value: JSONValue
        do { value = try JSONValue.parse(bytes, limits: .message) } catch { throw .syntax(error) }
        guard var object = value.objectValue else { throw .notAnObject }
        for member in overrides.members { object[member.key] = member.value }
        var reader = ConfigurationReader(object: object)
        return try reader.configuration()
    }
}
