import Address
import Settings

/// Where trackers keep their peers.
package struct PeerStore: Sendable, Equatable {
    package struct Redis: Sendable, Equatable {
        package var address: ListenAddress?
        package var isEnabled = true

        static let table = SettingsTable<Redis>([
            Setting(
                "addr", .address, optional: \.address, .words("none: memory alone"),
                "Redis or Valkey, shared by all trackers"),
            Setting("enabled", .yamlFlag, \.isEnabled, .value("true"), "whether it is used"),
            .ignored("dial_timeout"), .ignored("read_timeout"), .ignored("write_timeout"),
            .ignored("peer_set_window_size"), .ignored("max_peer_set_windows"), .ignored("max_idle_conns"),
            .ignored("max_active_conns"), .ignored("idle_conn_timeout"),
        ])
    }

    package var redis = Redis()
    package var redisAddress: ListenAddress? { redis.isEnabled ? redis.address : nil }

    static let table = SettingsTable<PeerStore>([
        Setting("redis", .object(Redis.table, from: Redis()), \.redis, .nothing, "the shared store"),
        .ignored("local"),
    ])
}

package struct TrackerServing: Sendable, Equatable {
    package var announceInterval: Double?
    package var announceLimit: Int?

    static let table = SettingsTable<TrackerServing>([
        Setting(
            "announce_interval", .duration(1...43_200), optional: \.announceInterval, .words("30s"),
            "how often peers are to announce"),
        Setting(
            "announce_limit", .count(1...200), optional: \.announceLimit, .words("50"), "peers in an answer, at most"),
        .ignored("get_metainfo_limit"), .ignored("listener"),
    ])
}
