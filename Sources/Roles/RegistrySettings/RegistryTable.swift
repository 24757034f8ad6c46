import JSON
import Settings
import Text

/// The table of a registry's configuration: each key with its form, default and description.
package enum RegistryTable {
    private typealias Key = Setting<RegistryConfiguration>

    /// Kraken's keys that are accepted without effect, such as those of nginx, of its listeners and of its metrics.
    package static let withoutEffect = [
        "verbose", "metrics", "nginx", "registry_backup", "registryoverride", "server", "blobserver", "tagserver",
        "agentserver", "network_event", "peer_id_factory", "backend_manager", "tag_types", "tag_store", "originstore",
        "peerhandoutpolicy", "container_runtime", "docker_daemon", "logging", "listener",
    ]

    package static let table = SettingsTable<RegistryConfiguration>(
        place + others + blobs + tags + trackers + access + withoutEffect.map { .ignored($0) })

    private static let place: [Key] = [
        Setting(
            "data", .path, optional: \.data, .words("`/var/lib/swoop`, of agents `/var/cache/swoop`"),
            "where this role keeps its state"),
        Setting(
            "host", .listenHost, optional: \.host, .words("`127.0.0.1`; with `tokens` or `insecure` all"),
            "the address of this machine to listen at"),
        Setting(
            "site", .text, optional: \.site, .nothing,
            "the name of this machine's site, `--zone`: half of the peers are of it"),
        Setting(
            "registry", .registry, optional: \.registry, .words("the environment's `SWOOP_REGISTRY`"),
            "an agent's registry: the URL of any origin or index. Kraken's object of that name is without effect"),
        Setting("zap", .object(LogPlaces.table, from: LogPlaces()), \.logging, .nothing, "the log"),
    ]

    private static let others: [Key] = [
        Setting("cluster", Upstream.form, \.cluster, .words("this host alone"), "all hosts of this role, this one too"),
        Setting("origin", Upstream.form, \.origin, .words("`localhost:15002`"), "the origins"),
        Setting("tracker", Upstream.form, \.tracker, .words("`localhost:15003`"), "the trackers"),
        Setting("build_index", Upstream.form, \.buildIndex, .words("`localhost:15004`"), "the indexes"),
        Setting("hashring", .object(HashRing.table, from: HashRing()), \.hashRing, .nothing, "owners of a blob"),
        Setting(
            "healthcheck", .object(HealthCheck.table, from: HealthCheck()), \.healthCheck, .nothing,
            "how origins see each other"),
    ]

    private static let blobs: [Key] = [
        Setting(
            "backends", .list(of: .object(BackEnd.table, from: BackEnd())), \.backEnds,
            .words("none: the origins' disks"), "where blobs live in the end; the first whose `namespace` matches"),
        Setting("auth", .object(Credentials.table, from: Credentials()), \.auth, .nothing, "keys of the stores"),
        Setting("castore", .object(BlobStore.table, from: BlobStore()), \.caStore, .nothing, "an origin's blobs"),
        Setting("store", .object(BlobStore.table, from: BlobStore()), \.store, .nothing, "an agent's blobs"),
        Setting("cache", .object(Cache.table, from: Cache()), \.cache, .nothing, "how much an agent keeps"),
        Setting("metainfogen", .object(PieceLengths.table, from: PieceLengths()), \.metainfo, .nothing, "pieces"),
        Setting("writeback", .object(Retries.table, from: Retries()), \.writeBack, .nothing, "storing in back ends"),
        Setting("localdb", .object(LocalDatabase.table, from: LocalDatabase()), \.localDatabase, .nothing, "SQLite"),
        Setting(
            "blobrefresh", .object(BlobRefresh.table, from: BlobRefresh()), \.blobRefresh, .nothing, "reading back"),
        Setting("scheduler", .object(Scheduler.table, from: Scheduler()), \.scheduler, .nothing, "the peer port"),
        Setting(
            "budget", .number(0...1_000), optional: \.budget, .words("2"),
            "times a blob's size that origins together send agents; 0 for no limit"),
        Setting("direct", .count(0...10_000), optional: \.direct, .words("8"), "HTTP reads at an origin at a time"),
        Setting(
            "repair_after", .duration(1...86_400), optional: \.repairAfter, .words("30s"),
            "how long an owner is down before others take its blobs"),
    ]

    private static let tags: [Key] = [
        Setting(
            "database", .database, optional: \.database, .words("`index.db` in `data`"),
            "where an index keeps tags: the path of a SQLite file, or `postgresql://…`"),
        Setting(
            "mutable", .patterns, optional: \.mutable, .words("`.*:latest`"),
            "a list of regular expressions: the NAME:TAGs that may move"),
        Setting(
            "remotes", .keyed(.list(of: .pattern)), \.remotes, .nothing,
            "for each registry, by its address, regular expressions of the NAME:TAGs that it gets"),
        Setting(
            "tag_replication", .object(Retries.table, from: Retries()), \.tagReplication, .nothing,
            "sending to `remotes`"),
        Setting(
            "follow", .list(of: .pattern), \.follow, .nothing, "the NAME:TAGs that an agent pulls as they are tagged"),
    ]

    private static let trackers: [Key] = [
        Setting("peerstore", .object(PeerStore.table, from: PeerStore()), \.peerStore, .nothing, "what trackers share"),
        Setting(
            "trackerserver", .object(TrackerServing.table, from: TrackerServing()), \.trackerServer, .nothing,
            "a tracker's answers"),
    ]

    private static let access: [Key] = [
        Setting(
            "tokens", .tokens, \.tokens, .nothing,
            "`[{name, role, sha256 or secret, names, expires}]`, in a file of mode 600"),
        Setting(
            "token", .secret, optional: \.token, .words("the `secret` of a token of the role `cluster`"),
            "the token with which this role calls other roles"),
        Setting("insecure", .yamlFlag, \.insecure, .value("false"), "whoever reaches this role may do everything"),
        Setting(
            "local", .choice, optional: \.local, .words("`open`; with `tokens` `token`"),
            "whether an agent pulls for all programs of its host (`open`) or for those that show a token (`token`)"),
        Setting(
            "allowed_cidrs", .list(of: .range), \.allowed, .words("everybody who reaches it"),
            "addresses and ranges that an agent answers"),
        Setting("tls", .object(TLSPlaces.table, from: TLSPlaces()), \.tls, .nothing, "certificates"),
        Setting(
            "swarm_secret", .secret, optional: \.swarmSecret, .nothing,
            "only hosts that know it find the swarms; in a file of mode 600"),
        Setting(
            "open", .list(of: .pattern), \.open, .nothing,
            "regular expressions of the NAMEs whose swarms any client finds in spite of `swarm_secret`"),
    ]

    /// The keys that hold secrets. A file with one of them must not be readable by others (mode 600).
    package static let secrets = ["tokens", "token", "auth", "swarm_secret"]
}

extension SettingForm where Value == String {
    /// A registry's URL. Kraken's object of the same name counts as no value.
    fileprivate static var registry: SettingForm {
        SettingForm { node throws(SettingsError) in
            if node.value.objectValue != nil { return nil }
            let text = try node.text
            return text.isEmpty ? nil : text
        }
    }
}

extension SettingForm where Value == [String] {
    fileprivate static var patterns: SettingForm { .list(of: .pattern) }
}

extension SettingForm where Value == Secret {
    /// A path or a URL. It is a secret because a URL may hold a password.
    fileprivate static var database: SettingForm {
        SettingForm { node throws(SettingsError) in
            let text = try node.text
            guard !text.isEmpty else { return nil }
            let isServer = ["postgresql://", "postgres://"].contains { text.hasPrefix($0) }
            guard isServer || text.hasPrefix("/") else {
                throw node.wrong("it is a path that begins with '/', or postgresql://…")
            }
            return Secret(text)
        }
    }
}

extension SettingForm where Value == [JSONValue] {
    /// A list of tokens. RegistryAccess checks its entries.
    fileprivate static var tokens: SettingForm {
        SettingForm { node throws(SettingsError) in
            guard let list = node.value.arrayValue else { throw node.wrong("it is a list of tokens") }
            return list
        }
    }
}
