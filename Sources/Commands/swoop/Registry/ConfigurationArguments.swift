import Address
import ArgumentParser
import Files
import Glibc
import HTTPServing
import Logging
import RegistryAccess
import RegistrySettings
import Settings
import Threads

/// The options with the places of a role's configuration files.
struct ConfigurationArguments: ParsableArguments, Sendable {
    @Option(
        help: ArgumentHelp(
            "The configuration, a YAML file. Default: /etc/swoop/ROLE.yaml, if it is there.", valueName: "file"))
    var config: String?

    @Option(
        help: ArgumentHelp("A YAML file with secrets, mode 600, merged over the configuration.", valueName: "file"))
    var secrets: String?

    @Option(help: ArgumentHelp("The name of this machine's site.", valueName: "name"), transform: SiteName.parse)
    var zone: String?

    @Option(help: ArgumentHelp("Has no effect; accepted because Kraken has it.", valueName: "n", visibility: .hidden))
    var mutexProfileFraction: Int?

    /// Reads the configuration files, on another thread.
    /// - Parameter reporter: gets warnings about the files; nil for none.
    func load(_ role: ConfiguredRole, _ reporter: Reporter?) async throws -> RoleConfiguration {
        let (configuration, notes) = try await Threads.offload { [self] in
            Result { try Self.read(place(of: role)) }
        }.get()
        for note in notes where !(role == .agent && AgentFile.isFleetKey(note.path)) {
            reporter?.warning(note.description.shown)
        }
        let (path, secrets) = place(of: role)
        return RoleConfiguration(
            values: configuration, place: (path, secrets), site: zone ?? configuration.site)
    }

    private func place(of role: ConfiguredRole) -> (path: String?, secrets: String?) {
        let usual = "/etc/swoop/\(role.rawValue).yaml"
        return (config ?? (Glibc.access(usual, F_OK) == 0 ? usual : nil), secrets)
    }

    static func read(
        _ place: (path: String?, secrets: String?)
    ) throws -> (configuration: RegistryConfiguration, notes: [SettingNote]) {
        do throws(ConfigurationFiles.Problem) {
            return try files.configuration(place.path, secrets: place.secrets)
        } catch {
            throw Failure(.usage, error.description.shown)
        }
    }

    static var files: ConfigurationFiles {
        ConfigurationFiles { path throws(ConfigurationFiles.Problem) in
            do throws(SystemError) {
                let file = try SystemFileLayer().readSmallFile(SystemPath(path), limit: 1 << 20, followSymlink: true)
                return ConfigurationFiles.File(
                    bytes: file.bytes, isPrivate: file.status.permissions & 0o077 == 0)
            } catch {
                throw ConfigurationFiles.Problem("\(path.shown) cannot be read: \(error)")
            }
        }
    }
}

/// The roles that have configuration files; the raw value names the default file.
enum ConfiguredRole: String, Sendable {
    case origin, index, tracker, agent, up, testfs
    case push = "push-cli"
}

/// The configuration of one role, from its files.
struct RoleConfiguration: Sendable {
    let values: RegistryConfiguration
    /// The paths of the files; nil for no file.
    let place: (path: String?, secrets: String?)
    let site: String?

    /// The tokens in the files, which can be reloaded; nil if there are none. Blocks on the disk.
    func tokens() throws -> RegistryTokens? {
        guard !values.tokens.isEmpty else { return nil }
        let place = place
        do throws(TokenTable.Problem) {
            return try RegistryTokens { () throws(TokenTable.Problem) in
                let values: RegistryConfiguration
                do throws(ConfigurationFiles.Problem) {
                    values = try ConfigurationArguments.files.configuration(place.path, secrets: place.secrets)
                        .configuration
                } catch {
                    throw TokenTable.Problem(error.description)
                }
                return try TokenTable(values.tokens)
            }
        } catch {
            throw Failure(.usage, "the key 'tokens' is wrong: \(error)".shown)
        }
    }

    /// The access rule of a role that listens for other machines: tokens, everybody, or only this machine.
    func access() throws -> RegistryAccess {
        if values.insecure, !values.tokens.isEmpty {
            throw Failure(.usage, "the keys 'insecure' and 'tokens' exclude each other")
        }
        if let tokens = try tokens() { return .tokens(tokens) }
        return values.insecure ? .everybody : .local
    }

    /// The role's TLS certificate; nil for plain HTTP. Blocks on the disk.
    func certificates() throws -> Certificates? {
        guard let server = values.tls.server.files else { return nil }
        do {
            return try Certificates(
                TLSFiles(
                    chain: server.certificate, key: server.key, passphrase: server.passphrase,
                    clientAuthorities: values.tls.authorities.compactMap(\.path)))
        } catch {
            throw Failure(.usage, "the key 'tls' is wrong: \(error)".shown)
        }
    }

    private var isOpen: Bool { values.insecure || !values.tokens.isEmpty }

    /// The address to listen at, for a role that checks its access itself. Loopback, unless the files have a host,
    /// tokens or `insecure`.
    var plainHost: String {
        guard let host = values.host else { return isOpen ? "::" : "127.0.0.1" }
        return host == "localhost" ? "127.0.0.1" : host
    }

    /// The address to listen at. Loopback, unless the files say who may use the role from other machines.
    /// - Throws: a usage failure for another address without tokens or `insecure`.
    func host() throws -> String {
        guard isOpen || HostName.isLoopback(plainHost) else {
            throw Failure(
                .usage, "with the key 'host' others reach this role, and anybody could use it",
                advice:
                    "Give 'tokens' in a file for --secrets, or 'insecure: true' if all who reach it may do everything.")
        }
        return plainHost
    }
}
