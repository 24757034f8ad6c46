import Files
import FleetAgent
import Glibc
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

    private static let usual = "/etc/swoop/agent.yaml"

    /// Reads the file. If `named` is nil, reads the default file, if it exists.
    static func read(_ named: String?, _ reporter: Reporter) async throws -> AgentFile {
        let path = named ?? (access(usual, F_OK) == 0 ? usual : nil)
        guard let path else { return AgentFile(configuration: AgentConfiguration(), path: nil, namesRegistry: false) }
        let bytes = try await Threads.offload {
            Result { () throws(SystemError) in
                try SystemFileLayer().readSmallFile(SystemPath(path), limit: 1 << 20, followSymlink: true).bytes
            }
        }.mapError { Failure(.usage, "\(path.shown) cannot be read: \($0)") }.get()
        do {
            let source = try YAMLDocument.read(bytes, file: path)
            let (configuration, notes) = try AgentConfiguration.read(source)
            for note in notes where Self.isFleetKey(note.path) { reporter.warning(note.description.shown) }
            let registry = ["registry", "build_index", "index"].contains { source.values[$0] != nil }
            return AgentFile(configuration: configuration, path: path, namesRegistry: registry)
        } catch let problem as YAMLProblem {
            throw Failure(.usage, problem.description.shown)
        } catch let problem as SettingsError {
            throw Failure(.usage, "\(path.shown): \(problem)".shown)
        }
    }

    /// Whether a key belongs to a part of the file that only the fleet's agent uses. The registry's agent uses the
    /// other parts.
    static func isFleetKey(_ path: SettingPath) -> Bool {
        let first = path.description.prefix { $0 != "." && $0 != "[" }
        return ["listen", "proxy", "receive", "send", "hooks", "limits", "windows", "host"].contains(first)
    }
}
