import Address
import Admission
import ArgumentParser
import Control
import Files
import FleetStore
import HTTPServing
import JSON
import Settings
import Text
import Threads
import YAML

/// `swoop control`: runs a fleet's control server.
struct ControlCommand: SwoopCommand {
    static let configuration = CommandConfiguration(
        commandName: "control",
        abstract: "Run the control node of a fleet.",
        discussion: """
            Keeps nodes, classes and jobs; agents dial it, it dials nobody. The first start makes the fleet's authority, an \
            admin's token in DATA/admin.token, and prints the command that adds the first node.

            Examples:
              swoop control                             # the API is at 127.0.0.1:7480
              swoop control --data /srv/control --agents 0.0.0.0:7443
              swoop control --database postgresql://swoop@db/swoop
              swoop control backup /backup/control.db   # while it runs
            """,
        subcommands: [ControlBackupCommand.self])

    static let usualData = "/var/lib/swoop/control"

    @Option(help: ArgumentHelp("A YAML file. Default: /etc/swoop/control.yaml, if it is there.", valueName: "file"))
    var config: String?

    @OptionGroup var place: ControlPlace

    @Option(
        help: ArgumentHelp(
            "A PostgreSQL database, 13 or newer, that any number of controls share.", valueName: "postgresql://…"))
    var database: String?

    @Option(
        help: ArgumentHelp("Where the API is reached. Default: 127.0.0.1:7480.", valueName: "addr:port"),
        transform: ListenArgument.parse)
    var listen: ListenAddress?

    @Option(
        help: ArgumentHelp("Where agents reach control. Default: [::]:7443.", valueName: "addr:port"),
        transform: ListenArgument.parse)
    var agents: ListenAddress?

    @Option(
        help: ArgumentHelp(
            "How agents write this control's address, if not by the machine's name. May be given several times.",
            valueName: "https://host:7443"))
    var url: [String] = []

    @OptionGroup var global: GlobalOptions

    func validate() throws {
        if let database, !database.hasPrefix("postgresql://"), !database.hasPrefix("postgres://") {
            throw ValidationError("'--database' is postgresql://USER@HOST/DATABASE")
        }
    }

    func run(_ reporter: Reporter) async throws {
        StopSignal.shared.setForcedStatus(.done)
        DescriptorLimit.raise()
        let path = config
        var configuration = try await Threads.offload { Result { try Self.read(path, reporter) } }.get()
        if let data = place.data { configuration.data = data }
        if let database { configuration.database = database }
        if let listen { configuration.listen = listen }
        if let agents { configuration.agents = agents }
        if !url.isEmpty { configuration.url = url }
        let data = configuration.data
        let isAlone = configuration.database == nil
        // Until the process ends.
        _ = try await Threads.offload {
            Result {
                try Self.make(data)
                return isAlone ? try DataLock.take(data, for: "control") : -1
            }
        }.get()
        let role: ControlRole
        do {
            role = try await ControlRole.start(configuration, admission: Admission(), logger: global.logger)
        } catch { throw Failure(error, place: isAlone ? data : "the database") }
        StopSignal.shared.onHangup {
            Threads.runDetached {
                do { try role.reload() } catch {
                    reporter.warning("the certificate before stays in force: \(error)".shown)
                }
            }
        }
        say(role, configuration, reporter)
        ServiceManager.ready()
        await StopSignal.shared.wait()
        await role.stop()
    }

    private func say(_ role: ControlRole, _ configuration: ControlConfiguration, _ reporter: Reporter) {
        let scheme = configuration.tls == nil && configuration.listen.isLoopback ? "http" : "https"
        var members: [(String, JSONValue)] = [
            ("event", .string("listening")), ("api", .string("\(scheme)://\(role.address)")),
            ("agents", .string("\(role.agents)")), ("data", .string(configuration.data)),
        ]
        if let file = role.tokenFile { members.append(("token_file", .string(file))) }
        if let command = role.firstCommand { members.append(("join", .string(command))) }
        reporter.event(.object(members))
        reporter.note("control: API at \(scheme)://\(role.address), agents at \(role.agents)")
        if scheme == "https", configuration.tls == nil {
            reporter.note("commands trust it with --ca \(configuration.data.shown)/\(ControlRole.authorityFile)")
        }
        if let file = role.tokenFile { reporter.note("an admin's token is in \(file.shown)") }
        if let command = role.firstCommand {
            reporter.note("the first node joins within an hour with:\n")
            if !reporter.mode.json { reporter.result("  \(command)") }
            reporter.note("\nmore nodes: swoop fleet token")
        }
    }

    /// Creates the data directory, with mode 700. Blocks.
    private static func make(_ data: String) throws {
        do {
            let place = SystemPath(data)
            let (above, name) = try place.split()
            if try HeldDirectory.open(above, creating: true).status(name) == nil {
                try SystemFileLayer().makeDirectory(path: place, permissions: 0o700)
            }
            _ = try HeldDirectory.open(place)
        } catch let error as SystemError {
            throw Failure(
                Failure.status(error.number), "control cannot use \(data.shown): \(error)",
                advice: "Give another directory with --data.")
        }
    }

    /// Reads `control.yaml`. Blocks.
    private static func read(_ path: String?, _ reporter: Reporter) throws -> ControlConfiguration {
        let place = path ?? "/etc/swoop/control.yaml"
        let file: SmallFile
        do throws(SystemError) {
            file = try SystemFileLayer().readSmallFile(SystemPath(place), limit: 1 << 20, followSymlink: true)
        } catch {
            if path == nil, Failure.status(error.number) == .notFound { return ControlConfiguration() }
            throw Failure(.usage, "cannot read '\(place.shown)': \(error)")
        }
        do {
            let source = try YAMLDocument.read(file.bytes, file: place)
            let (configuration, notes) = try ControlConfiguration.table.read(source, into: ControlConfiguration())
            for note in notes { reporter.warning(note.description.shown) }
            return configuration
        } catch { throw Failure(.usage, "\(error)".shown) }
    }
}

/// The option for control's data directory.
struct ControlPlace: ParsableArguments {
    @Option(help: ArgumentHelp("What control must not lose. Default: /var/lib/swoop/control.", valueName: "dir"))
    var data: String?
}

struct ControlBackupCommand: SwoopCommand {
    static let configuration = CommandConfiguration(
        commandName: "backup", abstract: "Copy what a control remembers to a file, while it runs.",
        discussion: """
            The file opens nothing without control.secret, which you keep elsewhere. With PostgreSQL use pg_dump.

            Example:
              swoop control backup /backup/control.db
            """)

    @Argument(help: ArgumentHelp("The file to make.", valueName: "file"))
    var file: String

    /// The parser assigns this option to the parent command, wherever it stands, and copies it here.
    @OptionGroup var place: ControlPlace

    @OptionGroup var global: GlobalOptions

    func run(_ reporter: Reporter) async throws {
        let (file, data) = (file, place.data ?? ControlCommand.usualData)
        let isThere = await Threads.offload {
            let layer = SystemFileLayer()
            return (
                source: (try? layer.status(path: SystemPath("\(data)/control.db"), followSymlink: true)) != nil,
                target: (try? layer.status(path: SystemPath(file), followSymlink: false)) != nil
            )
        }
        guard isThere.source else {
            throw Failure(.notFound, "\(data.shown) has no control.db", advice: "Give control's directory with --data.")
        }
        guard !isThere.target else { throw Failure(.usage, "\(file.shown) is there already") }
        do { try await SQLiteEngine.copy("\(data)/control.db", to: file) } catch {
            throw Failure(.disk, "the copy failed: \(error)".shown)
        }
        reporter.event(.object([("event", .string("backup")), ("file", .string(file))]))
        reporter.note("copied to \(file.shown); keep \(data.shown)/control.secret too, elsewhere")
    }
}

enum ListenArgument {
    static func parse(_ text: String) throws -> ListenAddress {
        guard let address = ListenAddress(text) else { throw ArgumentProblem("an address and a port: 10.0.0.5:7443") }
        return address
    }
}

extension Failure {
    init(_ problem: ControlProblem, place: String) {
        switch problem {
        case .store(let error): self.init(.failed, "\(place.shown): \(error.description.shown)")
        case .secret(let text): self.init(.usage, text.shown)
        case .certificates(let text): self.init(.usage, text.shown)
        case .http(let error): self.init(error)
        }
    }
}
