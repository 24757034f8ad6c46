import Address
import Admission
import ArgumentParser
import Blobs
import Files
import HTTPServing
import HTTPTransport
import IndexServer
import NameIndex
import RegistryAccess
import RegistryClient
import Text
import Threads

/// `swoop index`: the names and tags of a registry, in a process of its own.
struct IndexServeCommand: SwoopCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Run the index of a registry: which content each name and tag stands for.",
        discussion: """
            Keeps names, tags, their history and manifests in a file, or with --database in PostgreSQL, where any number of \
            indexes share them. Each --origin keeps blobs; 'swoop up' is origin and index in one.

            Beyond loopback it needs --tokens, or --insecure. Tokens and certificates are read again on SIGHUP.

            Examples:
              swoop index --origin http://127.0.0.1:15002
              swoop index --database postgresql://swoop@db/swoop --origin http://o:15002
              swoop index --listen 10.0.0.5:15004 --tokens all.json --token-file c.token
            """)

    @Option(
        help: ArgumentHelp(
            "Where index.db is kept. Default: /var/lib/swoop for root, else ~/.local/share/swoop.", valueName: "dir"))
    var data: String?

    @Option(
        help: ArgumentHelp("The address to listen at. Default: 127.0.0.1:15004.", valueName: "addr:port"),
        transform: Self.listenAddress)
    var listen: ListenAddress?

    @Option(help: ArgumentHelp("The port to listen at, at the configuration's address.", valueName: "port"))
    var port: UInt16?

    @Option(
        help: ArgumentHelp("A PostgreSQL database, 13 or newer, instead of index.db.", valueName: "postgresql://…"))
    var database: String?

    @Option(
        help: ArgumentHelp("An origin of the registry. May be given several times.", valueName: "url"),
        transform: PartURL.parse)
    var origin: [HTTPURL] = []

    @Option(
        help: ArgumentHelp(
            "An index to list for agents; give each, also this one. Default: only this one.",
            valueName: "url"), transform: PartURL.parse)
    var index: [HTTPURL] = []

    @Option(
        help: ArgumentHelp("The announce URL of a tracker, in addition to those that origins list.", valueName: "url"))
    var tracker: [String] = []

    @Option(
        help: ArgumentHelp(
            "A regular expression of NAME:TAG: matching tags may be moved. Default: .*:latest.",
            valueName: "regex"))
    var mutable: [String] = []

    @OptionGroup var parts: PartArguments

    @OptionGroup var others: RemoteArguments

    @OptionGroup var files: SecurityArguments

    @OptionGroup var given: ConfigurationArguments

    @OptionGroup var global: GlobalOptions

    func validate() throws {
        try files.check()
        if port != nil, listen != nil { throw ValidationError("'--port' and '--listen' exclude each other") }
        if let database, !database.hasPrefix("postgresql://"), !database.hasPrefix("postgres://") {
            throw ValidationError("'--database' is postgresql://USER@HOST/DATABASE")
        }
    }

    func run(_ reporter: Reporter) async throws {
        let given = try await given.load(.index, reporter)
        let logger = given.logger(global, reporter)
        StopSignal.shared.setForcedStatus(.done)
        DescriptorLimit.raise()
        let listen = try listen ?? ListenAddress(host: given.host(), port: port.map { Int($0) } ?? 15_004)
        let database = database ?? given.indexDatabase
        let (place, files) = (data ?? given.indexDirectory ?? UpCommand.usualData, files)
        try files.checkDoor(
            isLoopback: listen.isLoopback, option: "--listen \(listen.description)", of: "index", given)
        let (security, transport) = try await Threads.offload {
            Result {
                if database == nil {
                    try Self.make(place)
                    // Until the process ends.
                    _ = try DataLock.take(place, for: "index", file: "index.lock")
                }
                return (
                    try RegistrySecurity(files, given), try given.transport()
                )
            }
        }.get()
        security.reloadOnHangup(reporter)
        var configuration = IndexConfiguration(data: place)
        (configuration.listen, configuration.database) = ([listen], database)
        if let name = given.indexFile { configuration.file = name }
        (configuration.origins, configuration.indexes, configuration.trackers) = (origin, index, tracker)
        try given.fill(&configuration, isRoles: port != nil)
        if !mutable.isEmpty { configuration.mutable = mutable }
        configuration.credential = try parts.credential(given)
        configuration.transport = transport
        configuration.transport.pin = parts.pin
        configuration.remotes = try others.remotes(try given.remotes())
        configuration.remoteCredential = try others.credential
        let role: IndexRole
        do throws(IndexProblem) {
            role = try await IndexRole.start(
                configuration, access: security.access, certificates: security.certificates, admission: Admission(),
                logger: logger)
        } catch {
            throw Failure(error, place: database == nil ? "\(place)/\(configuration.file)" : "the database")
        }
        let address = role.addresses[0]
        let url = "\(security.certificates == nil ? "http" : "https")://\(address)"
        reporter.event(
            .object([
                ("event", .string("listening")), ("index", .string("\(address)")), ("url", .string(url)),
                ("data", .string(database == nil ? place : "postgresql")),
            ]))
        if case .everybody = security.access {
            reporter.warning("whoever reaches \(address) may push, pull and delete: --insecure")
        }
        reporter.note("index at \(url), kept in \(database == nil ? place.shown : "PostgreSQL")")
        ServiceManager.ready()
        await StopSignal.shared.wait()
        await role.stop()
    }

    /// Blocks.
    private static func make(_ data: String) throws {
        do { _ = try HeldDirectory.open(SystemPath(data), creating: true) } catch {
            throw Failure(
                Failure.status(error.number), "the index cannot use \(data.shown): \(error)",
                advice: "Give another directory with --data.")
        }
    }

    private static func listenAddress(_ text: String) throws -> ListenAddress {
        guard let address = ListenAddress(text) else { throw ArgumentProblem("an address and a port: 10.0.0.5:15004") }
        return address
    }
}

extension Failure {
    init(_ problem: IndexProblem, place: String) {
        switch problem {
        case .store(let error):
            self.init(error.isDisk ? .disk : .failed, "\(place.shown): \(error.reason.shown)")
        case .http(let error): self.init(error)
        case .rules(let error): self.init(.usage, "--mutable: '\(error.pattern.shown)' is no regular expression")
        }
    }
}
