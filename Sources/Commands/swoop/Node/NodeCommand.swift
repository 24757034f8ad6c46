import Admission
import ArgumentParser
import BFT
import HTTPServing
import Logging
import Node
import NodeAPI
import Swarm
import Threads

/// `swoop node`: the delivery daemon.
struct NodeCommand: SwoopCommand {
    static let configuration = CommandConfiguration(
        commandName: "node",
        abstract: "Run a delivery node: sender, cacher or receiver, as its configuration says.",
        discussion: """
            Serves the API that management systems call, on 127.0.0.1:8191 unless told otherwise, and stored \
            content under /dcp/ where 'www' says so. Stops cleanly on SIGTERM, loads its configuration and its \
            certificates again on SIGHUP; a mistake in them leaves those before in force. After any end, the next start goes on with \
            every unfinished task.

            Examples:
              swoop node --config /etc/bft2/config.json
              swoop node --config config.json --check
            """)

    @Option(help: ArgumentHelp("The configuration.", valueName: "file"))
    var config = NodeDefaults.path

    @Option(help: ArgumentHelp("In place of the configuration's datapath.", valueName: "dir"))
    var data: String?

    @Flag(help: "Only say whether the configuration is right.")
    var check = false

    @OptionGroup var global: GlobalOptions

    func run(_ reporter: Reporter) async throws {
        let configuration = try NodeConfigurationFile.read(config, data: data)
        let certificates = try certificates(configuration)
        if check {
            for warning in configuration.warnings { reporter.warning(warning.shown) }
            return reporter.result("\(config.shown): right, for a \(configuration.role.rawValue)")
        }
        let logger = daemonLogger
        CrashMark.install(DeliveryNode.crashMark(of: configuration))
        // After the limit is raised, because the budget depends on it.
        DescriptorLimit.raise()
        let admission = Admission()
        let node: DeliveryNode
        do {
            var engine = SwarmNode.Configuration()
            engine.admission = admission
            node = try DeliveryNode(
                configuration: configuration, configurationPath: config,
                overrides: NodeConfigurationFile.overrides(data: data), logger: logger, engine: engine)
            try await node.start()
        } catch let error as NodeDirectoryError {
            throw Failure(
                error.isTaken ? .usage : Failure.status(error.number), "the node cannot start: \(error)",
                advice: error.advice)
        } catch {
            throw Failure(.failed, "the node cannot start: \(error)")
        }
        StopSignal.shared.setForcedStatus(.done)
        StopSignal.shared.onHangup {
            Task {
                reporter.note(await node.reloadconf().shown)
                await Self.reload(certificates, reporter)
            }
        }
        let agent = await NodeAgent.start(beside: node, configuration, reporter, logger)
        let server: NodeAPIServer
        do {
            server = try await serve(node, configuration, certificates, admission, reporter, logger)
        } catch {
            await agent?.stop()
            await node.stop()
            throw error
        }
        // A call that is being answered may wait for a copy that ends with the node.
        async let calls: Void = server.stop()
        await agent?.stop()
        await node.stop()
        await calls
    }

    /// Returns when the node is told to stop. The servers run until they are stopped.
    private func serve(
        _ node: DeliveryNode, _ configuration: NodeConfiguration, _ certificates: NodeCertificates?,
        _ admission: Admission, _ reporter: Reporter, _ logger: Logger
    ) async throws -> NodeAPIServer {
        let base = configuration.baseDataPath
        var settings = NodeAPIServer.Settings(
            listen: configuration.listen, www: configuration.www, admission: admission, content: { base })
        settings.certificates = certificates
        let server: NodeAPIServer
        do {
            server = try await NodeAPIServer.start(node, settings: settings, logger: logger)
        } catch {
            throw Failure(error)
        }
        let www = server.wwwAddress.map { "\($0)" } ?? ""
        reporter.event(
            .object([
                ("event", .string("listening")), ("api", .string("\(server.address)")), ("www", .string(www)),
            ]))
        let schemes = [certificates != nil, configuration.wwwSpeaksTLS].map { $0 ? "https" : "http" }
        let files = www.isEmpty ? "" : ", content at \(schemes[1])://\(www)/dcp/"
        reporter.note("node (\(configuration.role.rawValue)): API at \(schemes[0])://\(server.address)\(files)")
        ServiceManager.ready()
        await StopSignal.shared.wait()
        return server
    }

    private func certificates(_ configuration: NodeConfiguration) throws -> NodeCertificates? {
        do { return try NodeCertificates(configuration) } catch { throw Failure(.usage, error.description.shown) }
    }

    private static func reload(_ certificates: NodeCertificates?, _ reporter: Reporter) async {
        guard let certificates else { return }
        do {
            try await Threads.offload { () throws(Certificates.Problem) in try certificates.reload() }
        } catch { reporter.warning("the certificates before stay in force: \(error)".shown) }
    }

    /// The daemon's log. It reports events of tasks, unless `--quiet` is given.
    private var daemonLogger: Logger {
        var logger = global.logger
        if global.verbose == 0 { logger.logLevel = global.quiet ? .warning : .info }
        return logger
    }
}

extension Failure {
    /// The exit status if a node's servers cannot start.
    init(_ error: HTTPServiceError) {
        let status: ExitStatus =
            switch error.kind {
            case .configuration, .addressNotAvailable: .usage
            case .permissionDenied: .refused
            case .addressInUse, .system: .failed
            }
        self.init(status, error.description)
    }
}
