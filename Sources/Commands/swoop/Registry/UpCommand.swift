import Address
import ArgumentParser
import Backends
import Glibc

/// `swoop up`: a whole registry on one machine.
struct UpCommand: SwoopCommand {
    static let configuration = CommandConfiguration(
        commandName: "up",
        abstract: "Run a registry on this machine: push content by name, pull it on many hosts.",
        discussion: """
            Keeps what is pushed under --data, and gives it to any number of hosts, each of which gives what it has to the \
            others. Needs no configuration. Container programs push to and pull from port 15000.

            With --host it is reached from other machines. Until it has tokens that takes --insecure too: whoever \
            reaches the address may push, pull and delete.

            Examples:
              swoop up
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
    var host = "127.0.0.1"

    @Option(
        help: ArgumentHelp(
            "Where blobs are stored too, and read from: file:///DIR, http://HOST:14000 (testfs), s3://BUCKET/PREFIX.",
            valueName: "url"))
    var backend: String?

    @Flag(help: "Let everybody who reaches --host push, pull and delete.")
    var insecure = false

    @Flag(help: "Listen at free ports instead of the usual ones; the first line says which.")
    var anyPort = false

    @OptionGroup var global: GlobalOptions

    func validate() throws {
        guard HostName.isLoopback(host) || insecure else {
            throw ValidationError(
                "with '--host \(host.shown)' strangers reach the registry: add --insecure if they all may use it")
        }
    }

    func run(_ reporter: Reporter) async throws {
        let supervisor = UpSupervisor(reporter: reporter)
        if supervisor.isParent { return try await supervisor.run() }
        var logger = global.logger
        if global.verbose == 0 { logger.logLevel = .warning }
        let place = RegistryPlace(
            data: data ?? Self.usualData, host: host, ports: anyPort ? .free : .usual, isInsecure: insecure,
            backend: try backendAddress())
        StopSignal.shared.setForcedStatus(.done)
        let host = try await RegistryHost.start(place, logger: logger)
        report(host, reporter)
        ServiceManager.ready()
        await StopSignal.shared.wait()
        await host.stop()
    }

    private func backendAddress() throws -> BackendAddress? {
        guard let backend else { return nil }
        do throws(BackendAddressProblem) {
            return try BackendAddress(backend) { Terminal.environment($0) }
        } catch {
            throw Failure(.usage, "--backend: \(error.description.shown)")
        }
    }

    private func report(_ host: RegistryHost, _ reporter: Reporter) {
        let url = host.url
        reporter.event(
            .object([
                ("event", .string("listening")), ("registry", .string(url)), ("oci", .string(host.oci)),
                ("index", .string(host.index)), ("tracker", .string(host.tracker)), ("peers", .string(host.peers)),
                ("data", .string(host.data)),
            ]))
        if insecure { reporter.warning("whoever reaches \(host.oci) may push, pull and delete: --insecure") }
        // The usual address need not be said.
        let option = url == RegistryPlace.usualURL ? "" : " --registry \(url)"
        reporter.note("registry at \(url), for container programs at \(host.oci), kept in \(host.data.shown)")
        reporter.note("try:  swoop push PATH team/app:1.0\(option)")
        reporter.note("      swoop pull team/app:1.0 -o DIR\(option)")
    }

    /// Where a registry keeps its data if nothing is said.
    static var usualData: String {
        if geteuid() == 0 { return "/var/lib/swoop" }
        if let base = Terminal.environment("XDG_DATA_HOME"), base.hasPrefix("/") { return base + "/swoop" }
        return (Terminal.environment("HOME") ?? "/tmp") + "/.local/share/swoop"
    }
}
