import Address
import JSON
import Settings

/// The hosts of one role: a fixed list, or the addresses of a DNS name.
package struct HostList: Sendable, Equatable {
    package var fixed: [ListenAddress] = []
    /// A DNS name and a port. The name is looked up again every `ttl` seconds.
    package var dns: ListenAddress?
    package var ttl = 5.0

    package var isEmpty: Bool { fixed.isEmpty && dns == nil }

    package init() {}

    static let table = SettingsTable<HostList>([
        Setting("static", .list(of: .address), \.fixed, .nothing, "addresses with ports"),
        Setting(
            "dns", .address, optional: \.dns, .nothing, "a name with a port, in place of `static`: all its addresses"),
        Setting("ttl", .duration(1...86_400), \.ttl, .value("5s"), "when the name is asked again"),
    ])

    /// Parses the list, without an object `hosts` around it.
    static var form: SettingForm<HostList> { checked(.object(table, from: HostList())) }

    private static func checked(_ form: SettingForm<HostList>) -> SettingForm<HostList> {
        SettingForm(noting: { node, notes throws(SettingsError) in
            guard let list = try form.value(of: node, &notes) else { return nil }
            guard list.dns == nil || list.fixed.isEmpty else { throw node.wrong("it has both 'static' and 'dns'") }
            return list
        })
    }
}

/// The hosts of another role, as in Kraken's `upstream`. An origin's `cluster` has the list without `hosts` around it.
package struct Upstream: Sendable, Equatable {
    package var hosts = HostList()
    package var inner = HostList()

    static let table = SettingsTable<Upstream>([
        Setting("hosts", HostList.form, \.hosts, .nothing, "`static` or `dns`"),
        Setting("static", .list(of: .address), \.inner.fixed, .nothing, "the same without `hosts`"),
        Setting("dns", .address, optional: \.inner.dns, .nothing, "the same without `hosts`"),
        Setting("ttl", .duration(1...86_400), \.inner.ttl, .value("5s"), "when the name of `dns` is asked again"),
        .ignored("healthcheck"), .ignored("hashring"),
    ])

    static var form: SettingForm<HostList> {
        let form = SettingForm<Upstream>.object(table, from: Upstream())
        return SettingForm(noting: { node, notes throws(SettingsError) in
            guard let upstream = try form.value(of: node, &notes) else { return nil }
            guard upstream.inner.isEmpty || upstream.hosts.isEmpty else { throw node.wrong("it has its hosts twice") }
            let list = upstream.hosts.isEmpty ? upstream.inner : upstream.hosts
            guard list.dns == nil || list.fixed.isEmpty else { throw node.wrong("it has both 'static' and 'dns'") }
            return list
        })
    }
}

/// How many origins keep each blob.
package struct HashRing: Sendable, Equatable {
    package var maxReplica = 3
    package var refreshInterval: Double?

    static let table = SettingsTable<HashRing>([
        Setting("max_replica", .count(1...16), \.maxReplica, .value("3"), "origins that keep a blob"),
        Setting(
            "refresh_interval", .duration(1...86_400), optional: \.refreshInterval, .nothing,
            "when `cluster.dns` is asked again"),
        .ignored("membership_wait_timeout"), .ignored("membership_wait_interval"),
    ])
}

/// When another host counts as down. Times are in seconds.
package struct HealthCheck: Sendable, Equatable {
    package var fails = 3
    package var passes = 2
    package var timeout = 3.0
    package var interval = 2.0

    package init() {}

    static let table = SettingsTable<HealthCheck>([
        Setting("fails", .count(1...1_000), \.fails, .value("3"), "failures in a row after which a host is down"),
        Setting("passes", .count(1...1_000), \.passes, .value("2"), "answers in a row after which it is up again"),
        Setting("timeout", .duration(0.01...600), \.timeout, .value("3s"), "how long an answer may take"),
        Setting("interval", .duration(0.01...3_600), \.interval, .value("2s"), "how often hosts are asked"),
    ])
}
