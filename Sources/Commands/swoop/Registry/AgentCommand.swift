import Address
import Admission
import Agent
import ArgumentParser
import BlobNode
import Blobs
import Files
import Glibc
import HTTPServing
import Logging
import Registry
import RegistryAccess
import RegistryClient
import Swarm
import Text
import Threads

/// `swoop agent`: a host's daemon. It pulls content once for all programs of the host, and serves it to other hosts.
struct AgentCommand: SwoopCommand {
    static let configuration = CommandConfiguration(
        commandName: "agent",
        abstract: "Run this host's agent: it pulls content once for all programs, and serves it to other hosts.",
        discussion: """
            `swoop pull` gets blobs of it over a UNIX socket; programs by Kraken's paths, container programs at port 16000. \
            --registry is any origin or index: it lists the others, and the list outlives it.

            What comes is for all programs of this host (local: open). With --tokens each of them shows a token of its \
            own (local: token), and the UNIX socket is for the agent's user alone; the file is read again on SIGHUP.

            On a host that has joined a fleet ('swoop agent join') it also receives the fleet's jobs, as /etc/swoop/agent.yaml \
            allows, and sends; the registry's part runs where a registry is named.

            With --follow the agent pulls what is tagged, as it is tagged, and keeps it: regular expressions of the whole of \
            NAME:TAG. 'swoop warm' has agents pull something beforehand.

            Examples:
              swoop agent --registry http://registry.example:15000
              swoop agent --follow 'team/model:.*'
              swoop agent join https://control.example:7443 --token swt1.…
              swoop agent status
            """,
        subcommands: [AgentStatusCommand.self, AgentJoinCommand.self])

    @Option(
        help: ArgumentHelp(
            "Where blobs are cached. Default: /var/cache/swoop for root, else ~/.cache/swoop/agent.", valueName: "dir"))
    var cache: String?

    @Option(
        help: ArgumentHelp("Where other hosts reach this one's engine. Default: [::]:16001.", valueName: "addr:port"),
        transform: AddressArgument.listen)
    var peers: PeerAddress?

    @Option(
        help: ArgumentHelp(
            "The UNIX socket for commands of this host. Default: \(DescriptorProtocol.usualPath).", valueName: "path"))
    var socket: String?

    @Option(
        help: ArgumentHelp(
            "Most space for the cache: a size, or a share of the disk. Default: 50%.", valueName: "size"),
        transform: CacheSize.parse)
    var max: CacheBounds.Size?

    @Option(
        help: ArgumentHelp(
            "Space to keep free on the cache's disk: a size, or a share. Default: 10%.", valueName: "size"),
        transform: CacheSize.parse)
    var keepFree: CacheBounds.Size?

    @Option(
        help: ArgumentHelp("Remove blobs that were not used for this long. Default: 7d.", valueName: "time"),
        transform: TimeSpan.parse)
    var tti: TimeSpan?

    @Option(
        help: ArgumentHelp(
            "Ask programs of this host for one of the tokens of this file (mode 600); without it all of them may pull.",
            valueName: "file"))
    var tokens: String?

    @Option(
        help: ArgumentHelp(
            "Pull each NAME:TAG that is put and as a whole matches this; may be given more than once.",
            valueName: "regex"))
    var follow: [String] = []

    @Option(
        help: ArgumentHelp("The site of this host: hosts of one site are near each other.", valueName: "name"),
        transform: SiteName.parse)
    var site: String?

    @Flag(help: "Listen at free ports instead of the usual ones; the first line says which.")
    var anyPort = false

    @OptionGroup var place: FleetPlace

    @Flag(help: ArgumentHelp("Tell the fleet addresses of loopback too.", visibility: .private))
    var onLoopback = false

    @OptionGroup var access: RegistryArguments

    @OptionGroup var files: ConfigurationArguments

    @OptionGroup var named: SeedAgentArguments

    @OptionGroup var global: GlobalOptions

    func run(_ reporter: Reporter) async throws {
        guard place.data != nil || FleetDaemon.hasJoined(place.places) else { return try await pull(reporter) }
        StopSignal.shared.setForcedStatus(.done)
        let file = try await AgentFile.read(files.config, reporter)
        let daemon = try await FleetDaemon.start(
            place.places, file, anyPort: anyPort, tellsLoopback: onLoopback, logger: global.logger)
        daemon.reloadOnHangup(files.config, reporter)
        reporter.event(
            .object([
                ("event", .string("listening")), ("node", .string("\(await daemon.client.node)")),
                ("socket", .string(place.places.socket)),
            ]))
        reporter.note(
            "node \(await daemon.client.name) of the fleet at \(await daemon.client.current), commands at "
                + place.places.socket.shown)
        do {
            if file.namesRegistry || access.isGiven || named.isGiven {
                try await pull(reporter)
            } else {
                ServiceManager.ready()
                await StopSignal.shared.wait()
            }
        } catch {
            await daemon.stop()
            throw error
        }
        await daemon.stop()
    }

    /// Runs the part of the agent that pulls from a registry.
    private func pull(_ reporter: Reporter) async throws {
        let given = try await files.load(.agent, reporter)
        let logger = given.logger(global, reporter)
        StopSignal.shared.setForcedStatus(.done)
        let directoryPlace = cache ?? given.cacheDirectory ?? Self.usualCache
        let admission = Admission()
        let directory = try await Threads.offload { Result { try Self.open(directoryPlace) } }.get()
        DescriptorLimit.raise()
        var configuration = SwarmNode.Configuration()
        configuration.admission = admission
        let rates = given.values.scheduler.connections.bandwidth
        configuration.uploadLimit = rates.bytesSent.map { Int($0) }
        configuration.downloadLimit = rates.bytesReceived.map { Int($0) }
        let swarm = try SwarmNode(configuration: configuration, logger: logger)
        do {
            try await serve(directory, directoryPlace, swarm, admission, given, logger, reporter)
        } catch {
            await swarm.shutdown()
            throw error
        }
        await swarm.shutdown()
    }

    private func serve(
        _ directory: BlobDirectory, _ place: String, _ swarm: SwarmNode, _ admission: Admission,
        _ given: RoleConfiguration, _ logger: Logger, _ reporter: Reporter
    ) async throws {
        var options = TransferOptions()
        options.listen = peers ?? named.peers ?? PeerAddress(ipv6High: 0, low: 0, port: anyPort ? 0 : 16001)
        options.announceAddress = try named.announced
        let site = site ?? given.site
        options.site = site
        let node = BlobNode(directory: directory, swarm: swarm, options: options, logger: logger)
        let followed = try followed(follow.isEmpty ? given.values.follow : follow)
        let (registry, own) = try access.place(configured: given.registryURL(named))
        let credential = try own ?? given.credential()
        let (local, transport) = try await Threads.offload { [tokens] in
            Result { (try tokens == nil ? given.localAccess() : Self.access(tokens), try given.transport()) }
        }.get()
        var settings = try access.settings
        settings.tls = transport.tls
        if case .tokens(let tokens) = local {
            StopSignal.shared.onHangup {
                Threads.runDetached {
                    do { try tokens.reload() } catch {
                        reporter.warning("the tokens before stay in force: \(error)".shown)
                    }
                }
            }
        }
        try await Threads.offload { Result { try Self.settle(place, for: registry.text) } }.get()
        let list = SystemPath(place + "/cluster.json")
        let view = RegistryView(
            registry, credential: credential, settings: settings,
            trackers: given.values.tracker.isEmpty ? nil : given.announceURLs(), known: KeptCluster.read(list)
        ) { cluster in
            Threads.runDetached { KeptCluster.write(cluster, to: list) }
        }
        var bounds = CacheBounds()
        given.fill(&bounds)
        if let max { bounds.most = max }
        if let keepFree { bounds.keepFree = keepFree }
        if let tti { bounds.unusedFor = Double(tti.seconds) }
        let agent = Agent(node: node, view: view, bounds: bounds, swarms: try given.swarms(), logger: logger)
        let pulls = PullTable(agent)
        let watch = IndexWatch(agent, pulls: pulls, follow: followed, site: site ?? "", logger: logger)
        do {
            try await agent.start()
            let ports = anyPort ? [0, 0] : [16002, 16000]
            let host = try given.values.host == nil ? "127.0.0.1" : given.host()
            let certificates = try await Threads.offload { Result { try given.certificates() } }.get()
            let server = try await AgentServer.start(
                agent, at: named.ports(ports).map { ListenAddress(host: host, port: $0) }, pulls: pulls, access: local,
                allows: given.allows, admission: admission, certificates: certificates, logger: logger)
            // When the HTTP API asks for tokens, the socket must not be a way around them.
            let isPrivate = local.needsToken && (tokens != nil || given.values.local != .open)
            let door: DescriptorDoor
            do {
                door = try self.door(agent, AgentState(agent: agent, pulls: pulls), isPrivate: isPrivate, logger)
            } catch {
                await server.stop()
                throw error
            }
            door.start()
            await watch.start()
            reporter.event(
                .object([
                    ("event", .string("listening")), ("api", .string("\(server.addresses[0])")),
                    ("oci", .string("\(server.addresses[1])")), ("socket", .string(door.path)),
                    ("peers", .string(await node.peerAddress.map { "\($0)" } ?? "")), ("cache", .string(place)),
                ]))
            reporter.note(
                "agent of \(registry.text): API at http://\(server.addresses[0]), commands at \(door.path.shown), "
                    + "container programs at \(server.addresses[1]), cache in \(place.shown)")
            ServiceManager.ready()
            await StopSignal.shared.wait()
            watch.stop()
            door.stop()
            await server.stop()
        } catch {
            await agent.stop()
            switch error {
            case let error as HTTPServiceError: throw Failure(error)
            case let error as TransferError: throw Failure(error)
            default: throw error
            }
        }
        await agent.stop()
    }

    /// The patterns of tags to follow; nil for none.
    private func followed(_ follow: [String]) throws -> NamePatterns? {
        guard !follow.isEmpty else { return nil }
        do throws(NamePatterns.Malformed) { return try NamePatterns(follow) } catch {
            throw Failure(.usage, "--follow: '\(error.pattern.shown)' is no regular expression")
        }
    }

    private func door(
        _ agent: Agent, _ state: AgentState, isPrivate: Bool, _ logger: Logger
    ) throws -> DescriptorDoor {
        let path = socket ?? DescriptorProtocol.usualPath
        do {
            if socket == nil, let cut = path.lastIndex(of: "/") {
                _ = try HeldDirectory.open(SystemPath(String(path[..<cut])), creating: true)
            }
            return try DescriptorDoor(agent, state: state, path: path, isPrivate: isPrivate, logger: logger)
        } catch {
            throw Failure(
                Failure.status(error.number), "the agent cannot listen at \(path.shown): \(error)",
                advice: "Give another place with --socket, and the same to `swoop pull --agent`.")
        }
    }

    /// The programs of this host that the agent pulls for: those with a token of the file, or all of them without a
    /// file.
    private static func access(_ tokens: String?) throws -> RegistryAccess {
        guard let tokens else { return .local }
        do { return .tokens(try RegistryTokens(path: tokens)) } catch {
            throw Failure(.usage, error.description.shown)
        }
    }

    /// What the cache knows of tags, and of the parts of a registry, is of that registry: with another one it goes. Blobs are
    /// what their digests say, and stay. Blocks.
    private static func settle(_ place: String, for registry: String) throws {
        do {
            let directory = try HeldDirectory.open(SystemPath(place))
            let name = FileName(own: "registry")
            let before = (try? directory.read(name, limit: 16 << 10))?.bytes
            let bytes = Array((registry + "\n").utf8)
            if before == bytes { return }
            if before != nil {
                for path in ["known/tags", "cluster.json", "heard.json"] {
                    do throws(SystemError) {
                        let (above, name) = try HeldDirectory.holding(SystemPath("\(place)/\(path)"))
                        try above.layer.remove(name, in: above.descriptor, isDirectory: false)
                    } catch {
                        guard error.number == ENOENT else { throw error }
                    }
                }
            }
            try directory.replace(name, with: bytes, temporary: .random(prefix: ".registry-"))
        } catch let error as SystemError {
            throw Failure(
                Failure.status(error.number), "the agent cannot use \(place.shown): \(error)",
                advice: "Give another directory with --cache.")
        }
    }

    private static func open(_ place: String) throws -> BlobDirectory {
        let directory: BlobDirectory
        do { directory = try BlobDirectory(path: place) } catch {
            throw Failure(
                Failure.status(error.number), "the agent cannot use \(place.shown): \(error)",
                advice: "Give another directory with --cache.")
        }
        // Until the process ends.
        _ = try DataLock.take(place, for: "agent", option: "--cache")
        return directory
    }

    private static var usualCache: String {
        if geteuid() == 0 { return "/var/cache/swoop" }
        if let base = Terminal.environment("XDG_CACHE_HOME"), base.hasPrefix("/") { return base + "/swoop/agent" }
        return (Terminal.environment("HOME") ?? "/tmp") + "/.cache/swoop/agent"
    }
}

extension RegistryAccess {
    fileprivate var needsToken: Bool { if case .tokens = self { true } else { false } }
}
