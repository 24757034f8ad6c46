import Address
import Settings
import Text

/// The keys of the node's configuration, in the order in which they are checked. docs/hybrid-node.md has the same table.
package enum NodeSettings {
    package static let table = SettingsTable(
        identity + paths + policy + store + limits + service + tls + [.ignored("ctcs")])

    typealias Key = Setting<NodeConfiguration>

    private static let identity: [Key] = [
        .required(
            "servertype", .choice, \.role, orElse: "it is sender, receiver or cacher",
            "`sender`, `receiver` or `cacher`"),
        Key(
            "machinetype", .choice, \.machineType, .value("local"), "`hwecs`: the content is a mounted bucket"),
        Key(
            "datasource", .choice, \.dataSource, .value("local"),
            "`obs`: what is sent is fetched from the bucket first"),
        Key("receiverstoreplan", .choice, \.receiverStorePlan, .value("A"), "`A` or `B`, see above"),
        Key("receiverid", .text, \.receiverID, .nothing, "which receiver this is"),
        Key("vip", .text, \.vip, .nothing, "the receiver's address"),
        Key("senderid", .text, \.senderID, .nothing, "which sender this is"),
    ]

    private static let paths: [Key] = [
        Key("basedatapath", .path, \.baseDataPath, .value("/data/dcp"), "BASE: where content is stored"),
        Key("datapath", .path, \.dataPath, .value("/data"), "DATA: tasks, and content on its way"),
        Key("hashtable", .path, \.hashTable, .value("/etc/bft2/hashtable.txt"), "the library of hashes"),
        Key("avoidrepeat", .flag, \.avoidsRepeat, .value("true"), "what is in the library is copied, not transferred"),
        Key(
            "basesubdir", .subdirectory, optional: \.baseSubdirectory, .nothing,
            "SUBDIR of `sends`, and of commands that name none"),
        Key(
            "taskroots", .paths, \.taskRoots, .words("DATA and `/tmp`"), "where calls may name task files",
            whenAbsent: { $0.taskRoots = NodeConfiguration.taskRoots(data: $0.dataPath) }),
    ]

    private static let policy: [Key] = [
        Key("bt-obs-cdn", .shares, optional: \.shares, .value("1:0:0"), "the shares where a call names none"),
        .named(
            "prior", or: "priorpolicy", .choice, \.policy, .value("fulltime"),
            "`priortime`: each method in its window only"),
        Key(
            "bttime", .window, \.windows.bt, .value("00:00-23:59"),
            "the window of BT; it may wrap midnight, `00:00-23:59` is always"),
        Key("obstime", .window, \.windows.obs, .value("00:00-23:59"), "the same of the object store"),
        Key("cdntime", .window, \.windows.cdn, .value("00:00-23:59"), "the same of the CDN"),
        Key("seedinwindow", .flag, \.seedsInWindow, .value("false"), "seeding too keeps to the window"),
        Key(
            "ctfilesorder", .flag, \.keepsTorrentOrder, .value("true"),
            "the BT share is one run from the torrent's head"),
        Key(
            "torrentformat", .choice, \.torrentFormat, .value("v1"),
            "`hybrid`: checks for each block, once no old receiver is left"),
        Key("defaultseedtime", .seedTime, \.defaultSeedTime, .value("72"), "hours, or `90s`, `30m`, `72h`"),
        Key(
            "sourcetimeout", .duration, \.sourceTimeout, .value("10m"),
            "a method from which no byte came for so long hands its files over"),
    ]

    private static let store: [Key] = [
        Key(
            "senderdomain", .url("http", "https"), \.senderDomain, .nothing,
            "where receivers find torrents: `…/dcp/` follows"),
        Key("cdnurl", .url("http", "https"), \.cdnURL, .nothing, "where they find content by CDN: `…/dcp/` follows"),
        Key("tracker", .url("http", "https", "udp"), \.tracker, .nothing, "announce URL"),
        Key(
            "obsurl", .url("obs", "s3"), \.storeURL, .nothing,
            "the beginning of the URL of content in the store whose SUBDIR is `basesubdir`: `/dcps/NAME` follows. Else it is `obs://SUBDIR`"
        ),
        Key("obsak", .secret, optional: \.storeKeys.accessKey, .nothing, "its access key"),
        Key("obssk", .secret, optional: \.storeKeys.secretKey, .nothing, "its secret key"),
        Key(
            "obsendpoint", .textWithoutSlash, \.storeKeys.endpoint, .nothing, "its host; https where it names no scheme"
        ),
        Key(
            "obsbuckets", .path, optional: \.bucketTable, .nothing,
            "file with a line `bucket ak sk endpoint` each; mode 600, or it is refused"),
        Key("obsregion", .text, \.storeRegion, .words("by the endpoint"), "the region that requests are signed for"),
        Key("obssignature", .choice, \.storeSignature, .value("v4"), "`v4` or `v2`"),
        Key("obsstyle", .choice, optional: \.storeStyle, .words("by the endpoint"), "`path` or `virtual`"),
    ]

    private static let limits: [Key] = [
        Key(
            "btlimit", .rate, optional: \.rateLimits.bt, .words("none"),
            "bytes a second by BT, as `500K` or `20M` (of 1,024)"),
        Key("obslimit", .rate, optional: \.rateLimits.obs, .words("none"), "the same from the object store"),
        Key("cdnlimit", .rate, optional: \.rateLimits.cdn, .words("none"), "the same by CDN"),
        Key("uploadlimit", .rate, optional: \.uploadLimit, .words("none"), "the same to peers and stores"),
        Key("uploadingnum", .count(1...10_000), \.uploadsAtOnce, .value("5"), "tasks that upload at a time"),
        Key("downloadingnum", .count(1...10_000), \.downloadsAtOnce, .value("5"), "tasks that download at a time"),
    ]

    private static let service: [Key] = [
        Key("listen", .address, \.listen, .value("127.0.0.1:8191"), "the API"),
        Key("www", .address, optional: \.www, .words("off"), "the file server, as `0.0.0.0:80`"),
        Key("btlisten", .address, optional: \.torrentListen, .words("first free of 6881 to 6889"), "for peers"),
        Key("apitoken", .secret, optional: \.apiToken, .nothing, "needed where `listen` is not loopback"),
        Key(
            "callback", .url("http", "https"), optional: \.callback, .nothing,
            "URL that is told what becomes of tasks, see [api.md](api.md#callback)"),
        Key(
            "agent", .path, optional: \.agentFile, .nothing,
            "the agent's file of a host that is in a fleet too, see [fleet-agent.md](fleet-agent.md): one process is both"
        ),
        Key(
            "agentdata", .path, \.agentData, .value("/var/lib/swoop/agent"), "what that agent must not lose"),
    ]

    private static let tls: [Key] = [
        Key(
            "tlscertificate", .path, optional: \.tlsCertificate, .nothing,
            "PEM file: the API's certificate, then those that vouch for it. With it the API speaks TLS only"),
        Key("tlskey", .path, optional: \.tlsKey, .nothing, "PEM file: its private key"),
        Key(
            "tlspassphrase", .path, optional: \.tlsPassphrase, .nothing,
            "file whose first line opens that key, where it is encrypted"),
        Key(
            "tlsclientca", .path, optional: \.tlsClientAuthority, .nothing,
            "PEM file: who vouches for clients; then the API takes no client without a certificate of theirs"),
        Key("wwwtls", .flag, \.wwwSpeaksTLS, .value("false"), "`www` speaks TLS too; it takes every client"),
    ]

    /// What one key's value asks of another's. Checked when all of them are right by themselves.
    static func check(_ configuration: NodeConfiguration) throws(SettingsError) {
        guard configuration.listen.isLoopback || configuration.apiToken != nil else {
            throw .missing("apitoken", "'listen' is \(configuration.listen), which other machines can reach")
        }
        guard configuration.tlsCertificate == nil else {
            guard configuration.tlsKey != nil else {
                throw .missing("tlskey", "'tlscertificate' is of no use without it")
            }
            return
        }
        let needing: [(String, Bool)] = [
            ("tlskey", configuration.tlsKey != nil), ("tlspassphrase", configuration.tlsPassphrase != nil),
            ("tlsclientca", configuration.tlsClientAuthority != nil), ("wwwtls", configuration.wwwSpeaksTLS),
        ]
        if let (key, _) = needing.first(where: \.1) {
            throw .missing("tlscertificate", "'\(key)' is of no use without it")
        }
    }
}
