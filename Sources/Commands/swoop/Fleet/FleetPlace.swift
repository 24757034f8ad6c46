import ArgumentParser
import FleetAgent
import Glibc

/// The option for the data directory of this host's agent.
struct FleetPlace: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The agent's data. Default: /var/lib/swoop/agent for root, else ~/.local/share/swoop/agent.",
            valueName: "dir"))
    var data: String?

    var places: AgentPlaces { AgentPlaces(data: data.map(Self.absolute) ?? Self.usual) }

    private static var usual: String {
        let system = "/var/lib/swoop/agent"
        if geteuid() == 0 || access(system, F_OK) == 0 || access("/var/lib/swoop", W_OK) == 0 { return system }
        return (Terminal.environment("HOME") ?? "/tmp") + "/.local/share/swoop/agent"
    }

    /// Makes a path of the user absolute.
    static func absolute(_ path: String) -> String {
        guard !path.hasPrefix("/") else { return path }
        var buffer = [CChar](repeating: 0, count: 4096)
        guard getcwd(&buffer, buffer.count) != nil else { return path }
        let here = String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return path == "." ? here : here + "/" + path
    }
}
