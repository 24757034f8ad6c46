import JSON
import Settings
import Text

/// Where a role keeps blobs: Kraken's `castore` for an origin, `store` for an agent or index.
package struct BlobStore: Sendable, Equatable {
    package var cacheDirectory: String?
    package var uploadDirectory: String?
    package var cleanup = CacheCleanup()
    package var uploads = CacheCleanup()

    static let table = SettingsTable<BlobStore>([
        Setting("cache_dir", .path, optional: \.cacheDirectory, .words("below `data`"), "where blobs are kept"),
        .named(
            "upload_dir", or: "download_dir", SettingForm<String?>.optionalPath, \.uploadDirectory,
            .words("below `data`"),
            "without effect: what is not whole yet is beside the blobs, so that one rename makes it a blob"
        ),
        Setting(
            "cache_cleanup", .object(CacheCleanup.table, from: CacheCleanup()), \.cleanup, .nothing,
            "what leaves the disk"),
        .named(
            "upload_cleanup", or: "download_cleanup", .object(CacheCleanup.table, from: CacheCleanup()), \.uploads,
            .nothing,
            "`tti`: how long an upload is kept that gets no bytes (24h)"),
        .ignored("volumes"), .ignored("capacity"), .ignored("read_part_size"), .ignored("write_part_size"),
        .ignored("skip_hash_verification"), .ignored("memory_cache"),
    ])
}

extension SettingForm where Value == String? {
    /// An absolute path, or an empty text for none.
    static var optionalPath: SettingForm {
        SettingForm(noting: { node, notes throws(SettingsError) in
            try SettingForm<String>.path.value(of: node, &notes).map(Optional.some)
        })
    }
}

/// When blobs are evicted from a disk.
package struct CacheCleanup: Sendable, Equatable {
    package var isDisabled = false
    /// Seconds since its last use after which a blob is evicted.
    package var tti: Double?
    /// Seconds since it was stored after which a blob is evicted, used or not.
    package var ttl: Double?
    /// Percent of the disk, 0 to 100: evicting starts above `aggressiveThreshold` and ends at `aggressiveLowerThreshold`.
    package var aggressiveThreshold: Int?
    package var aggressiveLowerThreshold: Int?

    static let table = SettingsTable<CacheCleanup>([
        Setting("disabled", .yamlFlag, \.isDisabled, .value("false"), "nothing leaves by age"),
        Setting(
            "tti", .duration(), optional: \.tti, .words("none for origins, 7d for agents"),
            "blobs that were not used for so long go"),
        Setting("ttl", .duration(), optional: \.ttl, .nothing, "blobs that came so long ago go, used or not"),
        Setting(
            "aggressive_threshold", .count(0...100), optional: \.aggressiveThreshold, .words("85"),
            "percent of the disk above which the least recently used go"),
        Setting(
            "aggressive_lower_threshold", .count(0...100), optional: \.aggressiveLowerThreshold, .words("75"),
            "percent of the disk at which that ends"),
        .ignored("interval"), .ignored("aggressive_ttL"), .ignored("aggressive_ttl"),
    ])
}

/// The piece lengths of blobs, by the size of the blob.
package struct PieceLengths: Sendable, Equatable {
    package struct Step: Sendable, Equatable {
        package let from: Int64
        package let pieceLength: Int64
    }

    /// In ascending order of blob size; empty for the built-in piece lengths. Each counts from its blob size on.
    package var steps: [Step] = []

    static let table = SettingsTable<PieceLengths>([
        Setting(
            "piece_lengths", .steps, \.steps, .words("256 KiB; from 64MB on 1MB; from 1GB on 4MB"),
            "by blob size: the piece length of blobs from that size on, a power of two; the same on all origins")
    ])

    package func pieceLength(of size: Int64) -> Int64? { steps.last { $0.from <= size }?.pieceLength }
}

extension SettingForm where Value == [PieceLengths.Step] {
    fileprivate static var steps: SettingForm {
        let form = SettingForm<Int64>.size((16 << 10)...(64 << 20))
        let keyed = SettingForm<[Keyed<Int64>]>.keyed(form)
        return SettingForm(noting: { node, notes throws(SettingsError) in
            var steps: [PieceLengths.Step] = []
            for given in try keyed.value(of: node, &notes) ?? [] {
                guard let from = DataSize.bytes(given.key) else {
                    throw node.wrong("'\(DisplayName.escape(given.key))' is no size of a blob")
                }
                guard given.value.nonzeroBitCount == 1 else {
                    throw node.wrong("the length of a piece is a power of two from 16KB to 64MB")
                }
                steps.append(PieceLengths.Step(from: from, pieceLength: given.value))
            }
            return steps.sorted { $0.from < $1.from }
        })
    }
}

/// How failed background tasks are retried. They are retried until they succeed.
package struct Retries: Sendable, Equatable {
    package var interval: Double?

    static let table = SettingsTable<Retries>([
        Setting(
            "retry_interval", .duration(0.01...86_400), optional: \.interval, .words("1s, doubling to 5m"),
            "the first pause after a failure; pauses double up to 5m"),
        .ignored("poll_retries_interval"), .ignored("incoming_buffer"), .ignored("retry_buffer"),
        .ignored("num_incoming_workers"), .ignored("num_retry_workers"), .ignored("max_task_throughput"),
        .ignored("sync_retry_backoff"), .ignored("workqueue_metrics_emit_interval"),
    ])
}

package struct LocalDatabase: Sendable, Equatable {
    package var source: String?

    static let table = SettingsTable<LocalDatabase>([
        Setting("source", .path, optional: \.source, .words("`origin.db`, `index.db` in `data`"), "the role's database")
    ])
}

package struct BlobRefresh: Sendable, Equatable {
    package var sizeLimit: Int64?

    static let table = SettingsTable<BlobRefresh>([
        Setting(
            "size_limit", .size(), optional: \.sizeLimit, .words("no limit"),
            "larger blobs are not read back from a back end")
    ])
}

/// Kraken's `scheduler`, of which only the limits of data rates to and from peers count.
package struct Scheduler: Sendable, Equatable {
    package var connections = Connections()

    package struct Connections: Sendable, Equatable {
        package var bandwidth = Bandwidth()

        static let table = SettingsTable<Connections>([
            Setting(
                "bandwidth", .object(Bandwidth.table, from: Bandwidth()), \.bandwidth, .nothing, "to and from peers"),
            .ignored("handshake_timeout"), .ignored("sender_buffer_size"), .ignored("receiver_buffer_size"),
        ])
    }

    static let table = SettingsTable<Scheduler>(
        [Setting("conn", .object(Connections.table, from: Connections()), \.connections, .nothing, "`bandwidth`")]
            + [
                "seeder_tti", "leecher_tti", "conn_tti", "conn_ttl", "preemption_interval", "emit_stats_interval",
                "disable_preemption", "probe_timeout", "connstate", "dispatch", "torrentlog", "log", "announcer",
            ].map { .ignored($0) })
}

/// The limits of an agent's cache. These keys are Swoop's own, not Kraken's.
package struct Cache: Sendable, Equatable {
    package var max: SizeOrShare?
    package var keepFree: SizeOrShare?
    package var tti: Double?

    package static let table = SettingsTable<Cache>([
        Setting(
            "max", .sizeOrShare, optional: \.max, .words("50%"),
            "the most that it takes: a size, or a share of the disk"),
        Setting(
            "keep_free", .sizeOrShare, optional: \.keepFree, .words("10%"),
            "what it keeps free on the disk: a size, or a share"),
        Setting("tti", .duration(), optional: \.tti, .words("7d"), "blobs that were not used for so long go"),
    ])
}
