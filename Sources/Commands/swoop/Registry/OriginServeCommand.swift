import Address
import Admission
import ArgumentParser
import Backends
import ColdStore
import Files
import HTTPServing
import HTTPTransport
import OriginCluster
import Registry
import RegistryAccess
import Swarm
import Text
import Threads

/// `swoop origin`: one of a registry's origins.
struct OriginServeCommand: SwoopCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Run an origin of a registry: it keeps blobs, together with other origins.",
        discussion: """
            Names and tags are at --index. With --cluster, or --cluster-dns, each blob is at three of the origins: any of them \
            takes a push and gives any blob, and what an origin had that is gone for half a minute is copied again. All origins \
            are given the same list.

            Beyond loopback it needs --tokens and, for the other roles, --token-file with a token of the role cluster; or \
            --insecure. Tokens and certificates are read again on SIGHUP.

            Examples:
              swoop origin --index http://127.0.0.1:15004
              swoop origin --host 10.0.0.1 --cluster 10.0.0.1:15002 \\
                --cluster 10.0.0.2:15002 --cluster 10.0.0.3:15002 --insecure \\
                --index http://10.0.0.4:15004 --tracker http://10.0.0.4:15003/announce
            """)

    @Option(
        help: ArgumentHelp(
            "Where blobs are kept. Default: /var/lib/swoop for root, else ~/.local/share/swoop.", valueName: "dir"))
    var data: String?

    @Option(help: ArgumentHelp("The address of this machine to be reached at. Default: 127.0.0.1.", valueName: "addr"))
    var host: String?

    @Option(help: ArgumentHelp("The port for HTTP; 0 for a free one. Default: 15002.", valueName: "port"))
    var port: Int?

    @Option(help: ArgumentHelp("The port for peers; 0 for a free one.", valueName: "port"))
    var peersPort = 15_001

    @Option(
        help: ArgumentHelp(
            "An origin of the registry; give each, also this one. Default: only this one.", valueName: "host:port"),
        transform: Self.origin)
    var cluster: [String] = []

    @Option(
        help: ArgumentHelp(
            "A name whose addresses are all origins, which listen at that port; looked up every 5 s.",
            valueName: "name:port"), transform: Self.origin)
    var clusterDns: String?

    @Option(
        help: ArgumentHelp(
            "This origin's entry in that list. Default: found by asking all of them.", valueName: "host:port"),
        transform: Self.origin)
    var name: String?

    @Option(
        help: ArgumentHelp("An index of the registry. May be given several times.", valueName: "url"),
        transform: PartURL.parse)
    var index: [HTTPURL] = []

    @Option(help: ArgumentHelp("The announce URL of a tracker. May be given several times.", valueName: "url"))
    var tracker: [String] = []

    @Option(
        help: ArgumentHelp(
            "Where blobs are stored too, and read from: file:///DIR, http://HOST:14000 (testfs), s3://BUCKET/PREFIX.",
            valueName: "url"))
    var backend: String?

    @Option(
        help: ArgumentHelp(
            "Others copy the blobs of an origin that is silent for this long. Default: 30s.", valueName: "time"),
        transform: TimeSpan.parse)
    var repairAfter: TimeSpan?

    @Option(
        help: ArgumentHelp(
            "How much later each further owner of a blob writes it to the back end.", valueName: "time"),
        transform: TimeSpan.parse)
    var backendPause = TimeSpan(seconds: 600)

    @Option(
        help: ArgumentHelp(
            "Most HTTP reads of large blobs at a time; 0 for no limit. Default: 8.", valueName: "n"))
    var direct: Int?

    @OptionGroup var parts: PartArguments

    @OptionGroup var files: SecurityArguments

    @OptionGroup var given: ConfigurationArguments

    @OptionGroup var global: GlobalOptions

    func validate() throws {
        if clusterDns != nil, !cluster.isEmpty {
            throw ValidationError("'--cluster' and '--cluster-dns' exclude each other")
        }
        for (option, port) in [("--port", port ?? 0), ("--peers-port", peersPort)] where !(0...65_535).contains(port) {
            throw ValidationError("'\(option)' is a number up to 65535")
        }
        guard direct ?? 0 >= 0 else { throw ValidationError("'--direct' is a number of reads") }
        try files.check()
    }

    func run(_ reporter: Reporter) async throws {
        let given = try await given.load(.origin, reporter)
        let logger = given.logger(global, reporter)
        StopSignal.shared.setForcedStatus(.done)
        DescriptorLimit.raise()
        let host = try host ?? given.host()
        try files.checkDoor(isLoopback: HostName.isLoopback(host), option: "--host \(host)", of: "origin", given)
        let (place, files) = (data ?? given.originDirectory ?? UpCommand.usualData, files)
        let security = try await Threads.offload {
            Result {
                let security = try RegistrySecurity(files, given)
                do throws(SystemError) { _ = try HeldDirectory.open(SystemPath(place), creating: true) } catch {
                    throw Failure(
                        Failure.status(error.number), "the origin cannot use \(place.shown): \(error)",
                        advice: "Give another directory with --data.")
                }
                // Until the process ends.
                _ = try DataLock.take(place, for: "origin")
                return security
            }
        }.get()
        security.reloadOnHangup(reporter)
        let configuration = try await settings(place, host, given)
        let role: OriginRole
        do throws(OriginProblem) {
            role = try await OriginRole.start(
                configuration, access: security.access, certificates: security.certificates,
                admission: Admission(), logger: logger)
        } catch {
            throw Failure(error, place: place)
        }
        let address = role.addresses[0]
        let url = "\(security.certificates == nil ? "http" : "https")://\(address)"
        reporter.event(
            .object([
                ("event", .string("listening")), ("origin", .string("\(address)")), ("url", .string(url)),
                ("peers", .string(role.peerAddress)), ("data", .string(place)),
            ]))
        if case .everybody = security.access {
            reporter.warning("whoever reaches \(address) may push, pull and delete: --insecure")
        }
        if configuration.indexes.isEmpty { reporter.warning("no --index: nothing can be pushed or pulled by name") }
        reporter.note("origin at \(url), kept in \(place.shown)")
        ServiceManager.ready()
        await StopSignal.shared.wait()
        await role.stop()
    }

    private func settings(
        _ place: String, _ host: String, _ given: RoleConfiguration
    ) async throws -> OriginConfiguration {
        var configuration = OriginConfiguration(data: place)
        configuration.listen = [ListenAddress(host: host, port: port ?? 15_002)]
        guard let peers = PeerAddress(host: host, port: UInt16(peersPort)) else {
            throw Failure(.usage, "'\(host.shown)' is no address of this machine")
        }
        configuration.peerListen = peers
        configuration.cluster = .list(cluster)
        if let clusterDns, let url = HTTPURL("http://" + clusterDns) {
            configuration.cluster = .dns(name: url.host, port: url.port)
        }
        (configuration.name, configuration.indexes, configuration.trackers) = (name, index, tracker)
        let base = configuration
        configuration = try await Threads.offload { [isRoles = port != nil] in
            Result {
                var configuration = base
                try given.fill(&configuration, isRoles: isRoles)
                configuration.transport = try given.transport()
                return configuration
            }
        }.get()
        if let repairAfter { configuration.settings.repairAfter = Double(repairAfter.seconds) }
        if let direct { configuration.settings.direct = direct }
        configuration.cold.ownerPause = Double(backendPause.seconds)
        if let backends = try await backends() { configuration.backends = backends }
        configuration.credential = try parts.credential(given)
        configuration.transport.pin = parts.pin
        return configuration
    }

    private func backends() async throws -> Backends? {
        guard let backend else { return nil }
        do {
            let address = try BackendAddress(backend) { Terminal.environment($0) }
            return try Backends(all: try await Threads.offload { Result { try address.open() } }.get())
        } catch let error as BackendAddressProblem {
            throw Failure(.usage, "--backend: \(error.description.shown)")
        } catch let error as BackendProblem {
            throw Failure(.disk, "--backend: \(error)")
        }
    }

    private static func origin(_ text: String) throws -> String {
        guard let name = OriginName.parse(text) else { throw ArgumentProblem("a host and a port: 10.0.0.5:15002") }
        return name
    }
}

extension Failure {
    init(_ problem: OriginProblem, place: String) {
        switch problem {
        case .directory(let error):
            self.init(
                Failure.status(error.number), "the origin cannot use \(place.shown): \(error)",
                advice: "Give another directory with --data.")
        case .database(let error):
            self.init(error.isDisk ? .disk : .failed, "\(place.shown)/origin.db: \(error.description.shown)")
        case .http(let error): self.init(error)
        case .engine(let error as TransferError): self.init(error)
        case .engine(let error): self.init(.failed, "the origin cannot start: \("\(error)".shown)")
        }
    }
}
