import Address
import ArgumentParser
import Backends
import Glibc
import HTTPServing
import RegistryAccess
import Threads

/// `swoop up`: a whole registry on one machine.
struct UpCommand: SwoopCommand {
    static let configuration = CommandConfiguration(
        commandName: "up",
        abstract: "Run a registry on this machine: push content by name, pull it on many hosts.",
        discussion: """
            Keeps what is pushed under --data, and gives it to any number of hosts, each of which gives what it has to the \
            others. Needs no configuration. Container programs push to and pull from port 15000.

            With --host it is reached from other machines, by TLS and with tokens: at its first start it makes a \
            certificate and a token for each role (pull, push, admin, cluster) in 'access' under --data, and prints what \
            other machines are told. --tokens and --tls-certificate name files of your own. All of them are read again on \
            SIGHUP; a mistake leaves those before in force. With --insecure there is neither: whoever reaches the address \
            may push, pull and delete.

            --config names a YAML file for the rest: mutable tags, remotes, back ends by name, tokens (in --secrets), budget, \
            and a directory for the blobs alone (castore.cache_dir).

            Examples:
              swoop up
              swoop up --host 192.0.2.7
              swoop push ./build team/app:1.0
              swoop pull team/app:1.0 -o /srv
              swoop up --backend s3://bucket/registry
            """)

    @Option(
        help: ArgumentHelp(
            "Where blobs and tags are kept. Default: /var/lib/swoop for root, else ~/.local/share/swoop.",
            valueName: "dir"))
    var data: String?

    @Option(help: ArgumentHelp("The address of this machine to be reached at. Default: 127.0.0.1.", valueName: "addr"))
    var host: String?

    @Option(
        help: ArgumentHelp(
            "Where blobs are stored too, and read from: file:///DIR, http://HOST:14000 (testfs), s3://BUCKET/PREFIX.",
            valueName: "url"))
    var backend: String?

    @OptionGroup var others: RemoteArguments

    @OptionGroup var files: SecurityArguments

    @OptionGroup var given: ConfigurationArguments

    @Flag(help: "Listen at free ports instead of the usual ones; the first line says which.")
    var anyPort = false

    @OptionGroup var global: GlobalOptions

    func validate() throws {
        try files.check()
    }

    func run(_ reporter: Reporter) async throws {
        let given = try await given.load(.up, UpSupervisor.isParent ? nil : reporter)
        guard given.indexDatabase == nil else {
            throw Failure(
                .usage, "the key 'database' is wrong: 'swoop up' keeps its index in SQLite below its data",
                advice: "'swoop index' takes PostgreSQL.")
        }
        let insecure = files.insecure || given.values.insecure
        let host = host ?? given.plainHost
        // Whether callers must show tokens.
        let needsTokens =
            !insecure && (files.tokens != nil || !given.values.tokens.isEmpty || !HostName.isLoopback(host))
        let hasCertificate = files.tlsCertificate != nil || given.values.tls.server.files != nil
        let supervisor = UpSupervisor(reporter: reporter, passesHangups: needsTokens || hasCertificate)
        if UpSupervisor.isParent { return try await supervisor.run() }
        let logger = given.logger(global, reporter)
        let (data, files) = (data ?? given.values.data ?? Self.usualData, files)
        let security = try await Threads.offload {
            Result {
                try RegistrySecurity(
                    files, data: data, host: host, needsTokens: needsTokens, isInsecure: insecure, given: given)
            }
        }.get()
        var place = RegistryPlace(
            data: data, host: host, ports: anyPort ? .free : .usual, security: security, backend: try backendAddress())
        if let blobs = given.values.caStore.cacheDirectory { place.blobs = blobs }
        place.remotes = try others.remotes(try given.remotes())
        place.remoteCredential = try others.credential
        try given.fill(&place.index, isRoles: false)
        place.index.transport = try await Threads.offload { Result { try given.transport() } }.get()
        place.announceInterval = given.announceInterval
        place.announceLimit = given.values.trackerServer.announceLimit
        place.origin = try await Threads.offload { [origin = place.origin] in
            Result {
                var origin = origin
                try given.fill(&origin, isRoles: false)
                return origin
            }
        }.get()
        StopSignal.shared.setForcedStatus(.done)
        security.reloadOnHangup(reporter)
        let registry = try await RegistryHost.start(place, logger: logger)
        report(registry, security, needsTokens, reporter)
        if insecure { reporter.warning("whoever reaches \(registry.oci) may push, pull and delete: --insecure") }
        ServiceManager.ready()
        await StopSignal.shared.wait()
        await registry.stop()
    }

    private func backendAddress() throws -> BackendAddress? {
        guard let backend else { return nil }
        do throws(BackendAddressProblem) {
            return try BackendAddress(backend) { Terminal.environment($0) }
        } catch {
            throw Failure(.usage, "--backend: \(error.description.shown)")
        }
    }

    private func report(
        _ registry: RegistryHost, _ security: RegistrySecurity, _ needsTokens: Bool, _ reporter: Reporter
    ) {
        let url = registry.url
        var event: [(String, JSONValue)] = [
            ("event", .string("listening")), ("registry", .string(url)), ("oci", .string(registry.oci)),
            ("index", .string(registry.index)), ("tracker", .string(registry.tracker)),
            ("peers", .string(registry.peers)), ("data", .string(registry.data)),
        ]
        if let own = security.own { event.append(("access", .string(own.path))) }
        if let pin = security.pin { event.append(("pin", .string(pin.description))) }
        reporter.event(.object(event))
        // Commands use the default address without the option.
        let place = url == RegistryPlace.usualURL ? "" : " --registry \(url)"
        let pinned = security.pin.map { " --pin \($0)" } ?? ""
        func option(_ role: Role) -> String {
            let token = security.own.map { " --token-file \($0.token(role).shown)" }
            return place + (token ?? (needsTokens ? " --token-file FILE" : "")) + pinned
        }
        reporter.note(
            "registry at \(url), for container programs at \(registry.oci), kept in \(registry.data.shown)")
        reporter.note("try:  swoop push PATH team/app:1.0\(option(RegistryRoles.push))")
        reporter.note("      swoop pull team/app:1.0 -o DIR\(option(RegistryRoles.pull))")
        guard let own = security.own else { return }
        reporter.note("on other hosts, which need the token's file (others for push, admin and cluster are beside it):")
        reporter.note(
            "      swoop agent --registry \(registry.outsideURL) --token-file \(own.token(RegistryRoles.pull).shown)\(pinned)"
        )
    }

    /// The default directory of a registry's data.
    static var usualData: String {
        if geteuid() == 0 { return "/var/lib/swoop" }
        if let base = Terminal.environment("XDG_DATA_HOME"), base.hasPrefix("/") { return base + "/swoop" }
        return (Terminal.environment("HOME") ?? "/tmp") + "/.local/share/swoop"
    }
}
