import Settings

extension RegistryTable {
    /// All keys as a Markdown table, with a row for each. A key of an object has the names of the objects around it before
    /// its own.
    package static var markdown: String {
        let rows =
            rows(table, "") + rows(HostList.table, "cluster.hosts.") + rows(HashRing.table, "hashring.")
            + rows(HealthCheck.table, "healthcheck.") + rows(BackEnd.table, "backends[].")
            + rows(DirectoryPlace.table, "backends[].backend.directory.")
            + rows(TestFSPlace.table, "backends[].backend.testfs.") + rows(S3BackEnd.table, "backends[].backend.s3.")
            + rows(WebPlace.table, "backends[].backend.http.") + rows(Credentials.table, "auth.")
            + rows(Credentials.S3Keys.table, "auth.s3.USERNAME.s3.") + rows(BlobStore.table, "castore.")
            + rows(CacheCleanup.table, "castore.cache_cleanup.") + rows(Cache.table, "cache.")
            + rows(PieceLengths.table, "metainfogen.") + rows(Retries.table, "writeback.")
            + rows(LocalDatabase.table, "localdb.") + rows(BlobRefresh.table, "blobrefresh.")
            + rows(Bandwidth.table, "scheduler.conn.bandwidth.") + rows(PeerStore.Redis.table, "peerstore.redis.")
            + rows(TrackerServing.table, "trackerserver.") + rows(TLSPlaces.table, "tls.")
            + rows(TLSPlaces.Pair.table, "tls.server.") + rows(LogPlaces.table, "zap.")
        let ignored = withoutEffect.sorted().map { "`\($0)`" }.joined(separator: ", ")
        return "| key | default | |\n| --- | --- | --- |\n" + rows.joined()
            + "\nTaken without effect, so that Kraken's files do as they are: \(ignored).\n"
    }

    private static func rows<Root>(_ table: SettingsTable<Root>, _ prefix: String) -> [String] {
        table.settings.filter { $0.text != Setting<Root>.ignored("").text }.map { setting in
            let names = setting.names.map { "`\(prefix)\($0)`" }.joined(separator: " or ")
            let usual =
                switch setting.usual {
                case .value(let value): "`\(value)` "
                case .words(let words): words + " "
                case .nothing: ""
                }
            return "| \(names) | \(usual)| \(setting.text) |\n"
        }
    }
}
