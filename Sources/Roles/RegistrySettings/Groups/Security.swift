import Settings
import Text

/// The files of certificates and keys, as in Kraken's `tls`.
package struct TLSPlaces: Sendable, Equatable {
    package struct File: Sendable, Equatable {
        package var path: String?

        static let table = SettingsTable<File>([
            Setting("path", .path, optional: \.path, .nothing, "a file")
        ])
        static var form: SettingForm<File> { .object(table, from: File()) }
    }

    package struct Pair: Sendable, Equatable {
        package var isDisabled = false
        package var certificate = File()
        package var key = File()
        package var passphrase = File()

        static let table = SettingsTable<Pair>([
            Setting("disabled", .yamlFlag, \.isDisabled, .value("false"), "whether it is left out"),
            Setting(
                "cert", File.form, \.certificate, .nothing,
                "`path` of a PEM file: the certificate, then those of its issuers"),
            Setting("key", File.form, \.key, .nothing, "`path` of a PEM file: its private key"),
            Setting("passphrase", File.form, \.passphrase, .nothing, "`path` of a file whose first line opens the key"),
        ])

        /// The paths of the pair's files; nil where the pair is disabled, or lacks the certificate or the key.
        package var files: (certificate: String, key: String, passphrase: String?)? {
            guard !isDisabled, let certificate = certificate.path, let key = key.path else { return nil }
            return (certificate, key, passphrase.path)
        }
    }

    package var authorities: [File] = []
    package var server = Pair()
    package var client = Pair()

    static let table = SettingsTable<TLSPlaces>([
        .ignored("name"),
        Setting(
            "cas", .list(of: File.form), \.authorities, .nothing,
            "a list of `path`s of PEM files: the authorities for the certificates of other roles and of clients"),
        Setting(
            "server", pair, \.server, .words("none: plain HTTP"),
            "the certificate that this role's servers show; a tracker has none, announces are plain"),
        Setting("client", pair, \.client, .nothing, "the certificate with which it calls other roles"),
    ])

    private static var pair: SettingForm<Pair> {
        let form = SettingForm<Pair>.object(Pair.table, from: Pair())
        return SettingForm(noting: { node, notes throws(SettingsError) in
            guard let pair = try form.value(of: node, &notes) else { return nil }
            guard pair.isDisabled || (pair.certificate.path == nil) == (pair.key.path == nil) else {
                throw node.wrong("'cert' and 'key' go together")
            }
            return pair
        })
    }
}

/// The local programs for which an agent pulls.
package enum LocalCallers: String, Sendable, CaseIterable {
    /// All programs of the agent's host. The agent uses its own token.
    case open
    /// Programs that show a token.
    case token
}

/// The level and the outputs of the log, as in Kraken's `zap`.
package struct LogPlaces: Sendable, Equatable {
    package enum Level: String, Sendable, CaseIterable { case debug, info, warn, error, dpanic, panic, fatal }

    package var level: Level?
    /// `stdout`, `stderr` or paths.
    package var paths: [String] = []

    static let table = SettingsTable<LogPlaces>(
        [
            Setting("level", .choice, optional: \.level, .words("warn"), "the least that is logged"),
            Setting("outputPaths", .list(of: .text), \.paths, .words("stderr"), "`stdout`, `stderr` or paths of files"),
        ]
            + [
                "development", "encoding", "encoderConfig", "disableStacktrace", "disableCaller", "errorOutputPaths",
                "sampling", "initialFields",
            ].map { .ignored($0) })
}
