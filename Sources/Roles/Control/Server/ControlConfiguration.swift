import Address
import JSON
import Settings
import Text

/// The settings in `control.yaml`.
package struct ControlConfiguration: Sendable {
    /// A webhook: an HTTP server that gets events.
    package struct Webhook: Sendable, Hashable {
        package var url = ""
        /// A file whose first line is the key for signatures (HMAC-SHA256).
        package var secretFile: String?
        /// Names of the events that it gets; empty for all.
        package var events: [String] = []

        package init() {}
    }

    package struct TLS: Sendable, Hashable {
        package var certificate = ""
        package var key = ""

        package init() {}
    }

    package var data = "/var/lib/swoop/control"
    /// `postgresql://…`; nil for SQLite in `data`.
    package var database: String?
    package var listen = ListenAddress(host: "127.0.0.1", port: 7480)
    package var agents = ListenAddress(host: "::", port: 7443)
    /// URLs under which agents reach this control; empty: derived from this machine's name.
    package var url: [String] = []
    package var trackers: [String] = []
    package var tls: TLS?
    package var webhooks: [Webhook] = []

    package init() {}

    package static let table = SettingsTable<ControlConfiguration>([
        Setting("data", .text, \.data, .value("/var/lib/swoop/control"), "where control keeps what it must not lose"),
        Setting(
            "database", .url("postgresql", "postgres"), optional: \.database, .words("SQLite in `data`"),
            "PostgreSQL, 13 or newer, which any number of controls share"),
        Setting("listen", .address, \.listen, .value("127.0.0.1:7480"), "where the API is reached"),
        Setting("agents", .address, \.agents, .value("[::]:7443"), "where agents reach control"),
        Setting(
            "url", .list(of: .url("https")), \.url, .words("the machine's name"),
            "how agents write this control's address: `https://HOST:7443`"),
        Setting(
            "trackers", .list(of: .url("http", "https", "udp")), \.trackers, .nothing,
            "announce URLs of trackers beside those inside controls"),
        Setting(
            "tls", .object(tlsTable, from: TLS()), optional: \.tls, .words("of control's own authority"), "of the API"),
        Setting(
            "webhooks", .list(of: .object(webhookTable, from: Webhook())), \.webhooks, .nothing,
            "who is told what happened"),
    ])

    private static let tlsTable = SettingsTable<TLS>([
        .required("certificate", .text, \.certificate, orElse: "it is a PEM file", "the certificate, and its chain"),
        .required("key", .text, \.key, orElse: "it is a PEM file", "its private key"),
    ])

    private static let webhookTable = SettingsTable<Webhook>([
        .required("url", .url("http", "https"), \.url, orElse: "it is where events are sent", "where events are sent"),
        Setting("secret", .text, optional: \.secretFile, .nothing, "a file whose first line is the key of signatures"),
        Setting("events", .list(of: .text), \.events, .words("all"), "names of events, such as `job.failed`"),
    ])
}
