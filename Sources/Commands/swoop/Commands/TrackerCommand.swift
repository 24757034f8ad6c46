import Address
import ArgumentParser
import Fleet
import FleetLink
import HTTPTransport
import Logging
import Reactor
import Text
import TrackerRedis
import TrackerServer
import Tracking

/// `swoop tracker`: runs a tracker.
struct TrackerCommand: SwoopCommand {
    static let configuration = CommandConfiguration(
        commandName: "tracker",
        abstract: "Tell peers of each other, over HTTP and UDP on one port.",
        discussion: """
            Serves /announce, /scrape, /stats (with Accept: application/json as JSON), /metrics for Prometheus and \
            /healthz. With --allow only the info hashes in FILE are served, one in hexadecimal on a line (of v2 the \
            first 20 bytes); the file is read again on SIGHUP, and a list with a mistake leaves the one before in \
            force.

            With --registry it is a registry's tracker: agents hear which owners of a blob are up, and \
            /namespace/NAME/blobs/DIGEST/metainfo is the blob's torrent. With --redis several trackers share what they \
            hear; /readyz says whether they do.

            With --control it is a fleet's tracker, beside those that the controls have: it joins with a token of the label \
            role=tracker, and serves the swarms of running jobs and no others.

            Examples:
              swoop tracker --http '[::]:6969' --allow hashes.txt
              swoop tracker --registry http://o.example:15002 --redis r.example:6379
              swoop tracker --control https://control.example:7443 --token swt1.…
            """)

    @Option(
        help: ArgumentHelp("Where to serve HTTP. Default: [::]:6969.", valueName: "addr:port"),
        transform: AddressArgument.listen)
    var http: PeerAddress?

    @Option(
        help: ArgumentHelp("Where to serve UDP. Default: where HTTP is served.", valueName: "addr:port"),
        transform: AddressArgument.listen)
    var udp: PeerAddress?

    @Option(
        help: ArgumentHelp("How often peers are to announce, 1s to 12h. Default: 30m.", valueName: "duration"),
        transform: TimeSpan.parse)
    var interval: TimeSpan?

    @Option(help: ArgumentHelp("Serve only the info hashes in this file.", valueName: "file"))
    var allow: String?

    @Option(
        help: ArgumentHelp(
            "The port for HTTP and UDP, at the configuration's address, which is loopback by default.",
            valueName: "port"))
    var port: Int?

    @Option(help: "Where peers are kept.")
    var store = Store.memory

    /// Kinds of the store of peers. There is only one.
    enum Store: String, ExpressibleByArgument, CaseIterable { case memory }

    @Option(
        help: ArgumentHelp(
            "Share peers with other trackers in this Redis (6.2 or newer) or Valkey. While it does not answer, the tracker "
                + "answers from memory.", valueName: "addr:port"))
    var redis: String?

    @Option(
        help: ArgumentHelp("The doors for agents of a fleet's controls, separated by commas.", valueName: "url"),
        transform: { text in
            guard let list = ControlAddress.list(text) else { throw ArgumentProblem("https://HOST:PORT is expected") }
            return list
        })
    var control: [ControlAddress]?

    @Option(
        help: ArgumentHelp("With --control, at the first start: the token to join the fleet with.", valueName: "token"),
        transform: { text in
            guard let token = EnrolmentToken(text) else { throw ArgumentProblem("swt1.ID.SECRET.PIN is expected") }
            return token
        })
    var token: EnrolmentToken?

    @Option(
        help: ArgumentHelp(
            "With --control: the directory of this tracker's key. Default: /var/lib/swoop/tracker.", valueName: "dir"))
    var data: String?

    @OptionGroup var access: RegistryArguments

    @OptionGroup var files: ConfigurationArguments

    @OptionGroup var global: GlobalOptions

    func validate() throws {
        if let port, !(0...65_535).contains(port) { throw ValidationError("'--port' is a number up to 65535") }
        if control == nil, token != nil || data != nil {
            throw ValidationError("'--token' and '--data' are for a tracker with '--control'")
        }
        if control != nil, allow != nil { throw ValidationError("'--control' and '--allow' exclude each other") }
        if port != nil, http != nil { throw ValidationError("'--port' and '--http' exclude each other") }
        if let interval, !(1...43_200).contains(interval.seconds) {
            throw ValidationError("The value is invalid for '--interval <duration>': 1s to 12h are possible")
        }
    }

    func run(_ reporter: Reporter) async throws {
        let given = try await files.load(.tracker, reporter)
        let logger = given.logger(global, reporter)
        let origins = try origins(given)
        origins?.start()
        let fleet = try await enrolled(logger)
        let server: TrackerServer
        do {
            server = try TrackerServer(
                configuration: try configuration(given, origins, fleet), logger: logger,
                makeShared: try makeShared(given, logger))
        } catch let error as TrackerServerError {
            throw Failure(error)
        }
        StopSignal.shared.setForcedStatus(.done)
        if let allow {
            StopSignal.shared.onHangup {
                do {
                    let list = try AllowFile.read(allow)
                    server.reload(allow: list)
                    reporter.note("\(allow.shown): \(HumanText.plural(list.count, "info hash", "info hashes")) allowed")
                } catch {
                    reporter.warning("\((error as? Failure)?.message ?? "\(error)"); the list before stays in force")
                }
            }
        }
        server.start()
        let http = server.boundAddresses.http.map(\.description).joined(separator: ", ")
        let udp = server.boundAddresses.udp.map(\.description).joined(separator: ", ")
        reporter.event(.object([("event", .string("listening")), ("http", .string(http)), ("udp", .string(udp))]))
        reporter.note("tracker: http://\(http)/announce and udp://\(udp), numbers at http://\(http)/stats")
        let listing = Task { await fleet?.run(server, reporter) }
        await StopSignal.shared.wait()
        listing.cancel()
        await listing.value
        await server.stop()
        await origins?.stop()
    }

    /// The link to control, if this is a fleet's tracker; nil otherwise.
    private func enrolled(_ logger: Logger) async throws -> FleetTracker? {
        guard let control else { return nil }
        return try await FleetTracker.enrol(
            at: control, token: token, data: data ?? FleetTracker.usualData, logger: logger)
    }

    /// A function that makes the store that this tracker shares with others; nil without Redis.
    private func makeShared(
        _ given: RoleConfiguration, _ logger: Logger
    ) throws -> (@Sendable (Poller) -> any SharedPeerStore)? {
        guard let redis = redis ?? given.values.peerStore.redisAddress?.description else { return nil }
        guard let address = RedisAddress(redis) else {
            throw Failure(.usage, "Redis: '\(redis.shown)' is no address: HOST:PORT is expected")
        }
        return { RedisPeers(address, poller: $0, logger: logger) }
    }

    /// The registry's origins, if this is a registry's tracker; nil otherwise.
    private func origins(_ given: RoleConfiguration) throws -> TrackerOrigins? {
        let listed =
            given.values.registry == nil && given.place.path != nil
            ? try given.urls(of: given.values.origin, usual: 15_002) : []
        guard let registry = access.registry ?? given.values.registry ?? listed.first?.text else { return nil }
        let (url, credential) = try access.place(configured: registry)
        var settings = try access.settings
        if !access.isGiven, let tls = try given.transport().tls { settings.tls = tls }
        return TrackerOrigins(
            url, others: access.isGiven ? [] : Array(listed.dropFirst()),
            credential: try credential ?? given.credential(), settings: settings, swarms: try given.swarms())
    }

    private func configuration(
        _ given: RoleConfiguration, _ origins: TrackerOrigins?, _ fleet: FleetTracker?
    ) throws -> TrackerConfiguration {
        // A registry's tracker is told so by its file or the seed's flag; any other is for everybody, as trackers are.
        let isRegistrys = port != nil || given.place.path != nil
        let usual = try isRegistrys ? PeerAddress(host: given.host(), port: UInt16(port ?? 15_003)) : nil
        let http = http ?? usual ?? PeerAddress(ipv6High: 0, low: 0, port: 6969)
        var configuration = TrackerConfiguration(http: [http], udp: [udp ?? http])
        if isRegistrys {
            configuration.serveRegistry(
                interval: given.announceInterval, limit: given.values.trackerServer.announceLimit)
        }
        if let interval { configuration.interval = interval.seconds }
        // A fleet's tracker serves no swarm until control has sent the list of swarms.
        configuration.allow = control != nil ? [] : try allow.map(AllowFile.read)
        configuration.admits = fleet?.admits
        configuration.origins = origins?.forTracker
        return configuration
    }
}

/// The allow-list file of the tracker's `--allow`.
enum AllowFile {
    static func read(_ path: String) throws -> Set<SwarmKey> {
        do {
            return try AllowListText.parse(try TorrentFile.bytes(of: path))
        } catch let problem as AllowListText.Problem {
            throw Failure(.usage, "\(path.shown): \(problem)")
        }
    }
}
