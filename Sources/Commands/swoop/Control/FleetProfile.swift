import Files
import Glibc
import Settings
import YAML

/// Where a fleet's control is, and who asks, in a file: `control`, `token_file` and `ca`. Options and the environment stand over it.
struct FleetProfile: Sendable {
    var control: String?
    var tokenFile: String?
    var ca: String?

    private static let table = SettingsTable<FleetProfile>([
        Setting("control", .text, optional: \.control, .words("http://127.0.0.1:7480"), "control's API"),
        Setting("token_file", .text, optional: \.tokenFile, .words("control's own"), "a file with an API token"),
        Setting("ca", .text, optional: \.ca, .words("the system's"), "PEM file: who vouches for control's certificate"),
    ])

    /// The file that SWOOP_CONTROL names, if it names one; else the user's, if there is one. Blocks.
    static func find() throws -> FleetProfile {
        if let named = Terminal.environment("SWOOP_CONTROL"), isPath(named) { return try read(named) }
        let base =
            Terminal.environment("XDG_CONFIG_HOME").flatMap { $0.hasPrefix("/") ? $0 : nil }
            ?? Terminal.environment("HOME").map { $0 + "/.config" }
        guard let usual = base.map({ $0 + "/swoop/fleet.yaml" }), access(usual, F_OK) == 0 else {
            return FleetProfile()
        }
        return try read(usual)
    }

    /// Whether it is a file's path, and no address of a control.
    static func isPath(_ text: String) -> Bool { text.hasPrefix("/") || text.hasPrefix("./") || text.hasPrefix("../") }

    private static func read(_ path: String) throws -> FleetProfile {
        let bytes: [UInt8]
        do throws(SystemError) {
            bytes = try SystemFileLayer().readSmallFile(SystemPath(path), limit: 64 << 10, followSymlink: true).bytes
        } catch { throw Failure(.usage, "cannot read '\(path.shown)': \(error)") }
        do {
            var (profile, notes) = try table.read(try YAMLDocument.read(bytes, file: path), into: FleetProfile())
            if let note = notes.first { throw SettingsError.unknown(note) }
            let directory = path.lastIndex(of: "/").map { String(path[...$0]) } ?? ""
            func beside(_ file: String?) -> String? { file.map { $0.hasPrefix("/") ? $0 : directory + $0 } }
            profile.tokenFile = beside(profile.tokenFile)
            profile.ca = beside(profile.ca)
            return profile
        } catch { throw Failure(.usage, "\(error)".shown) }
    }
}
