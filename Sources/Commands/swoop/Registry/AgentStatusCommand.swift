import Agent
import ArgumentParser
import Files
import Glibc
import JSON
import Threads

/// `swoop agent status`: shows the status of this host's agent.
struct AgentStatusCommand: SwoopCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Show the status of this host's agent: its registry, its cache, its current work.",
        discussion: """
            Ends with 1 when the agent can pull nothing new, and says why; with 4 when none runs.

            Example:
              swoop agent status --json
            """)

    /// The parent command, which has the option `--socket`: the parser assigns it to the parent, wherever it stands.
    @ParentCommand var agent: AgentCommand

    @OptionGroup var global: GlobalOptions

    func run(_ reporter: Reporter) async throws {
        let path = agent.socket ?? DescriptorProtocol.usualPath
        if agent.place.data != nil || FleetDaemon.hasJoined(agent.place.places) {
            try await StatusCommand.show(agent.place.places, reporter)
            guard agent.socket != nil || Glibc.access(path, F_OK) == 0 else { return }
        }
        let answer = await Threads.offload { () -> Result<JSON.JSONValue?, SystemError> in
            do throws(SystemError) { return .success(try DescriptorProtocol.status(at: path)) } catch {
                return .failure(error)
            }
        }
        let status: JSON.JSONValue
        switch answer {
        case .success(let found?): status = found
        case .success(nil):
            throw Failure(
                .notFound, "no agent listens at \(path.shown)",
                advice: "Start 'swoop agent', or name its socket with --socket.")
        case .failure(let error):
            throw Failure(.failed, "the agent at \(path.shown) does not answer: \(error)")
        }
        var line: [(String, JSONValue)] = [("event", .string("status"))]
        if case .object(let members) = JSONValue(status) { line += members }
        reporter.event(.object(line))
        if !reporter.mode.json { reporter.result(Self.text(status)) }
        guard status["ready"] == .bool(true) else { throw QuietExit(status: .failed) }
    }

    private static func text(_ status: JSON.JSONValue) -> String {
        let cache = status["cache"]
        func number(_ value: JSON.JSONValue?) -> Int { value?.lenientInteger.map { Int(clamping: $0) } ?? 0 }
        func list(_ value: JSON.JSONValue?) -> [String] { (value?.arrayValue ?? []).compactMap(\.stringValue) }
        let troubles = list(status["troubles"])
        var rows = [
            ["registry", status["registry"]?.stringValue ?? ""],
            ["state", troubles.isEmpty ? "ready" : "not ready: " + troubles.joined(separator: "; ")],
            [
                "cache",
                "\(HumanText.bytes(number(cache?["bytes"]))) of \(HumanText.bytes(number(cache?["max"]))) in "
                    + "\(HumanText.plural(number(cache?["blobs"]), "blob")), \(HumanText.bytes(number(cache?["free"]))) free, "
                    + "at \(cache?["path"]?.stringValue ?? "")",
            ],
            [
                "now",
                "\(HumanText.plural(number(status["pulls"]), "pull")), "
                    + "\(HumanText.plural(number(status["fetching"]), "blob")) being fetched",
            ],
            [
                "so far",
                "\(HumanText.bytes(number(status["receivedBytes"]))) received, "
                    + "\(HumanText.bytes(number(status["sentBytes"]))) given to other hosts",
            ],
            ["peers at", status["peers"]?.stringValue ?? ""],
        ]
        let followed = list(status["followed"])
        if !followed.isEmpty { rows.append(["follows", followed.joined(separator: ", ")]) }
        let width = rows.map { $0[0].columns }.max() ?? 0
        return rows.map { row in
            row[0] + String(repeating: " ", count: width - row[0].columns + 2) + row[1].shown
        }.joined(separator: "\n")
    }
}

extension JSONValue {
    /// Converts a value of the module `JSON`.
    init(_ value: JSON.JSONValue) {
        self =
            switch value {
            case .null: .null
            case .bool(let flag): .bool(flag)
            case .integer(let number): .int(Int(clamping: number))
            case .double(let number): .double(number)
            case .string(let text): .string(text)
            case .array(let values): .array(values.map { JSONValue($0) })
            case .object(let object): .object(object.members.map { ($0.key, JSONValue($0.value)) })
            }
    }
}
