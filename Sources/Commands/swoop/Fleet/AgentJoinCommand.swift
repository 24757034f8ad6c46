import ArgumentParser
import Fleet
import FleetAgent
import FleetLink
import Glibc
import Jobs
import Text
import Threads

/// `swoop agent join`: makes this host a node of a fleet.
struct AgentJoinCommand: SwoopCommand {
    static let configuration = CommandConfiguration(
        commandName: "join",
        abstract: "Make this host a node of a fleet, with the token that 'swoop fleet token' printed.",
        discussion: """
            The host makes its key, which never leaves it, and holds control against the token before it shows that. What \
            the host then does stands in its own file, /etc/swoop/agent.yaml.

            --config names another file, --data another directory than /var/lib/swoop/agent, --token-file a file with the \
            token in place of --token (- is standard input).

            Example:
              swoop agent join https://control.example:7443 --token swt1.…
            """)

    @Argument(help: ArgumentHelp("Controls, with commas between them.", valueName: "url"))
    var controls: String

    @Option(help: "The token.")
    var token: String?

    @Option(help: "How the node is called. Default: the host's name.")
    var name: String?

    @Flag(help: "Do not enable the agent's unit.")
    var noStart = false

    /// Its options --data, --config and --token-file are used: the parser assigns them to the parent command, wherever
    /// they stand.
    @ParentCommand var agent: AgentCommand

    @OptionGroup var global: GlobalOptions

    func run(_ reporter: Reporter) async throws {
        guard let addresses = ControlAddress.list(controls) else {
            throw Failure(.usage, "'\(controls.shown)' is no https://HOST:PORT of a control")
        }
        guard let text = try await tokenText, let token = EnrolmentToken(text) else {
            throw Failure(
                .usage, "that is no token of a fleet", advice: "'swoop fleet token' prints the whole command.")
        }
        let file = try await AgentFile.read(agent.files.config, reporter)
        let places = agent.place.places
        // An agent that runs with the old identity would write over the new one.
        var lock: Int32?
        if FleetDaemon.hasJoined(places) {
            do { lock = try DataLock.take(places.data, for: "agent") } catch let failure as Failure {
                throw Failure(
                    failure.status, failure.message,
                    advice: "Stop it first (systemctl stop swoop-agent): it has the old identity.")
            }
        }
        // Also if the join fails: the agent's user has to be able to open the lock.
        await Threads.offload { Self.giveToOwner(of: places) }
        defer { if let lock { close(lock) } }
        let facts = await FleetAgent.facts(file.configuration, name: name)
        let reply: JoinReply
        do throws(LinkProblem) {
            reply = try await LinkJoin.join(
                token, at: addresses, facts: facts, keeping: FleetDaemon.link(places),
                proxy: file.configuration.proxy.flatMap { HTTPURL($0) }
            ).reply
        } catch {
            throw Failure(error)
        }
        reporter.event(
            .object([
                ("event", .string("joined")), ("node", .string(reply.node.description)), ("name", .string(reply.name)),
                ("state", .string(reply.state.rawValue)),
            ]))
        if !reporter.mode.json {
            let waits = reply.state == .pending ? ", and waits until an admin says yes" : ""
            reporter.result("\(reply.name) (\(reply.node)) has joined\(waits)".shown)
        }
        await Threads.offload { Self.giveToOwner(of: places) }
        // The agent that is started now takes it.
        if let held = lock { close(held) }
        lock = nil
        if file.configuration.receive.roots.isEmpty {
            reporter.note(
                "nothing is received here until 'receive.roots' in \(file.path ?? AgentFile.usual) says where to".shown)
        }
        if !noStart, agent.place.data == nil, geteuid() == 0 { await Self.enableUnit(reporter) }
    }

    /// Gives the new files to the owner of the directory above the data: root joins, but the agent's unit runs as that
    /// user.
    private static func giveToOwner(of places: AgentPlaces) {
        guard geteuid() == 0, let slash = places.data.lastIndex(of: "/") else { return }
        var status = stat()
        guard stat(String(places.data[..<slash]), &status) == 0, status.st_uid != 0 else { return }
        let link = places.data + "/link"
        let files = PathFiles.names(in: link).map { "\(link)/\($0)" }
        for path in [places.data, places.data + "/lock", link] + files { lchown(path, status.st_uid, status.st_gid) }
    }

    private var tokenText: String? {
        get async throws {
            if let token { return token }
            guard let tokenFile = agent.access.tokenFile else {
                throw Failure(.usage, "--token or --token-file is needed")
            }
            return try await Threads.offload { Result { try SecretLine.read(tokenFile) } }.get()
        }
    }

    /// Enables and starts the agent's systemd unit, if systemd runs and the unit is installed.
    private static func enableUnit(_ reporter: Reporter) async {
        let units = ["/lib/systemd/system/swoop-agent.service", "/etc/systemd/system/swoop-agent.service"]
        guard access("/run/systemd/system", F_OK) == 0, units.contains(where: { access($0, F_OK) == 0 }) else {
            return reporter.note("start it with: swoop agent")
        }
        // It may run already, for a registry alone.
        for verb in ["enable", "restart"] {
            let words = ["systemctl", verb, "swoop-agent.service"]
            let ending = try? await ChildProcess.start(words).ending()
            if ending != .exited(0) { reporter.warning("'\(words.joined(separator: " "))' did not work") }
        }
    }
}

/// Reads a secret from a file with one line.
enum SecretLine {
    /// - Parameter path: `-` for standard input. Blocks.
    static func read(_ path: String) throws -> String {
        let descriptor = path == "-" ? dup(0) : open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Failure(.usage, "\(path.shown) cannot be read") }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var block = [UInt8](repeating: 0, count: 4096)
        while bytes.count < 16_384 {
            let count = Glibc.read(descriptor, &block, block.count)
            guard count > 0 else { break }
            bytes += block.prefix(count)
        }
        return String(decoding: bytes, as: UTF8.self).trimmingBlanks
    }
}

extension Failure {
    init(_ problem: LinkProblem) {
        guard case .refused(let refusal) = problem else {
            let status: ExitStatus =
                switch problem {
                case .notTrusted: .refused
                case .local: .usage
                default: .failed
                }
            self.init(status, problem.description.shown)
            return
        }
        let status: ExitStatus =
            switch refusal.status {
            case 401, 403, 409: .refused
            case 404: .notFound
            case 400, 422: .usage
            default: .failed
            }
        self.init(status, "\(refusal.text) [\(refusal.code)]".shown, advice: (refusal.advice ?? "").shown)
    }
}
