import Files
import FleetAgent
import Glibc
import RegistrySettings
import Settings
import Threads
import YAML

/// The agent's configuration file on this host.
struct AgentFile: Sendable {
    let configuration: AgentConfiguration
    /// Nil if there is no file.
    let path: String?
    /// The file also has keys of the registry's agent.
    let namesRegistry: Bool

    static let usual = "/etc/swoop/agent.yaml"

    /// Reads the file. If `named` is nil, reads the default file, if it exists.
    static func read(_ named: String?, _ reporter: Reporter) async throws -> AgentFile {
        let path = named ?? (access(usual, F_OK) == 0 ? usual : nil)
        guard let path else { return AgentFile(configuration: AgentConfiguration(), path: nil, namesRegistry: false) }
        let file = try await Threads.offload {
            Result { () throws(SystemError) in
                try SystemFileLayer().readSmallFile(SystemPath(path), limit: 1 << 20, followSymlink: true)
            }
        }.mapError { Failure(.usage, "\(path.shown) cannot be read: \($0)") }.get()
        do {
            let source = try YAMLDocument.read(file.bytes, file: path)
            let (read, notes) = try AgentConfiguration.read(source)
            var configuration = read
            configuration.file = path
            let registry = ["registry", "build_index", "index"].contains { source.values[$0] != nil }
            // Where the registry's part is read too, that part tells of its own keys.
            for note in notes where Self.isFleetKey(note.path) || (!registry && !Self.isRegistryKey(note.path)) {
                reporter.warning(note.description.shown)
            }
            if configuration.stores.values.contains(where: { $0.secretKey != nil }),
                file.status.permissions & 0o077 != 0
            {
                throw Failure(
                    .usage, "\(path.shown) has keys of object stores, and others than its owner may read it",
                    advice: "chmod 600 \(path.shown)")
            }
            return AgentFile(configuration: configuration, path: path, namesRegistry: registry)
        } catch let problem as YAMLProblem {
            throw Failure(.usage, problem.description.shown)
        } catch let problem as SettingsError {
            throw Failure(.usage, (problem.place == nil ? "\(path): \(problem)" : problem.description).shown)
        }
    }

    /// Whether the registry's agent uses the key. Both agents have keys in `cache`.
    private static func isRegistryKey(_ path: SettingPath) -> Bool {
        let inside = path.description.split(separator: ".").dropFirst().first.map(String.init)
        guard first(of: path) == "cache", let inside else { return registryKeys.contains(first(of: path)) }
        return registryCacheKeys.contains(inside)
    }

    /// Whether a key belongs to a part of the file that only the fleet's agent uses. The registry's agent uses the
    /// other parts.
    static func isFleetKey(_ path: SettingPath) -> Bool {
        ["listen", "proxy", "receive", "send", "hooks", "limits", "windows", "host", "stores"].contains(first(of: path))
    }

    private static let registryKeys = Set(RegistryTable.table.settings.flatMap(\.names))
    private static let registryCacheKeys = Set(RegistrySettings.Cache.table.settings.flatMap(\.names))

    private static func first(of path: SettingPath) -> String {
        String(path.description.prefix { $0 != "." && $0 != "[" })
    }
}
