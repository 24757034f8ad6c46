import ArgumentParser
import JSON
import Registry
import RegistryClient

/// `swoop warm`: has agents pull content before any program asks them for it.
struct WarmCommand: SwoopCommand {
    static let configuration = CommandConfiguration(
        commandName: "warm",
        abstract: "Have the agents of a registry pull content in advance.",
        discussion: """
            The registry reads from its back end what it does not have any more; then agents, of each site in turn, pull it \
            into their caches. Without --wait the command ends when they have been told; with it, when all of them have it.

            Examples:
              swoop warm team/model:1.0 --hosts all --wait
              swoop warm team/model:1.0 --hosts 3
            """)

    @Argument(help: ArgumentHelp("What to pull.", valueName: "name:tag"), transform: ReferenceArgument.parse)
    var reference: Reference

    @Option(
        help: ArgumentHelp("How many agents, or 'all'. Default: all.", valueName: "n|all"), transform: HostCount.parse)
    var hosts: HostCount = .all

    @Flag(help: "Wait until all of them have it, and show how far each is.")
    var wait = false

    @OptionGroup var access: RegistryArguments

    @OptionGroup var global: GlobalOptions

    private static let path = "/v1/warmings"
    private static let look = Duration.milliseconds(300)

    func run(_ reporter: Reporter) async throws {
        let (reference, hosts, wait) = (reference, hosts, wait)
        let last = try await access.using(.index) { client throws(RegistryError) in
            let order = JSON.JSONValue.object([
                "reference": .string(reference.description), "hosts": hosts.json,
            ])
            // Resolve the reference first: the registry then reads missing blobs from their back end, and an unknown
            // reference is an error before any agent is told.
            let cluster = try await client.document("/v1/cluster", limit: 1 << 20)
            guard cluster != nil else { throw .unknown("\(client.name) has no agents: is it a Swoop registry?") }
            _ = try await client.content("/v1/resolve/\(reference)", limit: 64 << 20)
            var state = Warming(try await client.post(order, to: Self.path))
            while wait, !state.isOver {
                state.show(reporter)
                do { try await Task.sleep(for: Self.look) } catch { throw .cancelled }
                guard let next = try await client.document("\(Self.path)/\(state.id)", limit: 16 << 20) else {
                    throw .unknown("the registry has forgotten the warming of \(reference): was it started anew?")
                }
                state = Warming(next)
            }
            return state
        }
        reporter.clearBars()
        for host in last.hosts { reporter.event(host.json(reference)) }
        if !reporter.mode.json { reporter.result(last.table) }
        guard wait else {
            return reporter.note("\(HumanText.plural(last.hosts.count, "host")) told to pull \(reference)")
        }
        let whole = last.hosts.count { $0.state == "complete" }
        reporter.note("\(reference) is at \(whole) of \(HumanText.plural(last.hosts.count, "host"))")
        if whole < last.hosts.count {
            throw Failure(
                .failed, "\(last.hosts.count - whole) of \(last.hosts.count) hosts do not have \(reference)",
                advice: "Look at those hosts with 'swoop agent status', then run the same command again.")
        }
    }
}

/// The number of agents that are to pull.
enum HostCount: Equatable {
    case all
    case some(Int)

    static func parse(_ text: String) throws -> HostCount {
        if text == "all" { return .all }
        guard let count = Int(text), count > 0 else { throw ArgumentProblem("a number from 1, or 'all', is expected") }
        return .some(count)
    }

    var json: JSON.JSONValue {
        switch self {
        case .all: .string("all")
        case .some(let count): .integer(Int64(count))
        }
    }
}

/// The state of a warming, as the registry reports it.
private struct Warming: Sendable {
    struct Host: Sendable {
        let host: String
        let site: String
        let address: String
        let state: String
        let done: Int
        let total: Int
        let detail: String

        /// The JSON line for scripts.
        func json(_ reference: Reference) -> JSONValue {
            .object([
                ("event", .string("host")), ("host", .string(host)), ("site", .string(site)),
                ("address", .string(address)), ("reference", .string(reference.description)),
                ("state", .string(state)), ("done", .int(done)), ("total", .int(total)),
                ("detail", detail.isEmpty ? .null : .string(detail)),
            ])
        }
    }

    let id: String
    let isOver: Bool
    let hosts: [Host]

    init(_ value: JSON.JSONValue) {
        func text(_ value: JSON.JSONValue?) -> String { value?.stringValue ?? "" }
        func number(_ value: JSON.JSONValue?) -> Int { value?.lenientInteger.map { Int(clamping: $0) } ?? 0 }
        id = text(value["id"])
        isOver = text(value["state"]) != "warming"
        hosts = (value["hosts"]?.arrayValue ?? []).map { host in
            Host(
                host: text(host["host"]), site: text(host["site"]), address: text(host["address"]),
                state: text(host["state"]), done: number(host["done"]), total: number(host["total"]),
                detail: text(host["detail"]))
        }
    }

    /// Shows a bar for each host; with more than 20 hosts, only for the first 20 that are fetching.
    func show(_ reporter: Reporter) {
        var sum = Progress(phase: "fetching", done: 0, total: 0)
        for host in hosts {
            sum.done += host.done
            sum.total += host.total
        }
        let shown = hosts.count > 20 ? hosts.filter { $0.state == "fetching" }.prefix(20) : hosts[...]
        reporter.progress(
            sum,
            rows: shown.map { host in
                (host.host.shown, Progress(phase: host.state, done: host.done, total: host.total))
            })
    }

    var table: String {
        TextTable(
            headings: ["HOST", "SITE", "ADDRESS", "STATE", "DONE"],
            rows: hosts.map { host in
                [
                    host.host.shown, host.site.shown, host.address,
                    host.detail.isEmpty ? host.state : "\(host.state): \(host.detail.shown)",
                    HumanText.percent(host.done, of: host.state == "complete" ? host.done : max(1, host.total)),
                ]
            }
        ).text
    }
}
