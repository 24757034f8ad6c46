import Address
import Admission
import Fleet
import FleetLink
import FleetStore
import HTTPServing
import Hashing
import Identity
import Logging
import Text
import Threads

/// Why a control cannot start.
package enum ControlProblem: Error, Sendable, CustomStringConvertible {
    case store(StoreError)
    /// The secret file `control.secret` is missing or wrong.
    case secret(String)
    case http(HTTPServiceError)
    case certificates(String)

    package var description: String {
        switch self {
        case .store(let error): "\(error)"
        case .secret(let text), .certificates(let text): text
        case .http(let error): error.description
        }
    }
}

/// A running control server: its database, its authority, its servers for agents and for the API, and its periodic
/// work.
package final class ControlRole: Sendable {
    package let core: ControlCore
    private let store: ControlStore
    private let door: LinkDoor
    private let server: ControlServer
    private let certificate: ShownCertificate?
    private let renewal: Task<Void, Never>
    private let work: Task<Void, Never>
    private let notifier: Notifier?
    /// In the data: who vouches for the API's certificate, where that is of the fleet's own authority.
    package static let authorityFile = "authority.pem"
    /// A command that adds a node; nil unless this start created the fleet.
    package let firstCommand: String?
    /// The file with the first admin's token; nil unless this start created it.
    package let tokenFile: String?

    package var address: ListenAddress { server.address }
    package var agents: ListenAddress { door.address }

    /// - Parameters:
    ///   - configuration: `data` is a directory that exists.
    ///   - renewalStep: how often control's own certificate is looked at.
    package static func start(
        _ configuration: ControlConfiguration, admission: Admission, logger: Logger,
        clock: @escaping @Sendable () -> Double = { Clocks.wallSeconds }, renewalStep: Duration = .seconds(3600)
    ) async throws(ControlProblem) -> ControlRole {
        let store: ControlStore
        do { store = try await ControlStore.open(data: configuration.data, database: configuration.database) } catch {
            throw .store(error)
        }
        do {
            return try await open(store, configuration, admission, logger, clock, renewalStep)
        } catch {
            await store.close()
            throw problem(error)
        }
    }

    // What is called here is not inlined, and its errors are of any type: the compiler (6.3.1) crashes on them when it
    // optimises all of it as one function.
    @inline(never)
    private static func open(
        _ store: ControlStore, _ configuration: ControlConfiguration, _ admission: Admission, _ logger: Logger,
        _ clock: @escaping @Sendable () -> Double, _ renewalStep: Duration
    ) async throws -> ControlRole {
        let authority = try await IdentityAuthority.open(
            store, secretFile: "\(configuration.data)/control.secret", now: clock())
        var settings = ControlSettings()
        settings.trackers = configuration.trackers
        settings.isShared = store.engine.isShared
        let names = await Threads.offload(name: "names") { ServerName.ofThisHost() }
        settings.doors = configuration.url
        if settings.doors.isEmpty, configuration.agents.port != 0 {
            settings.doors = [door(configuration.agents, names)]
        }
        let core = ControlCore(store: store, authority: authority, settings: settings, logger: logger, now: clock)
        do { try await core.load() } catch { throw ControlProblem.store(error) }
        let first = try await firstToken(core, configuration)
        if configuration.tls == nil { try await showAuthority(authority.certificate, in: configuration.data) }
        let certificate = try certificate(configuration, authority.authority, names, at: clock())
        return try await openDoors(
            core, authority.authority, configuration, certificate, admission, first, clock, renewalStep)
    }

    private static func problem(_ error: any Error) -> ControlProblem {
        switch error {
        case let error as HTTPServiceError: .http(error)
        case let error as ControlProblem: error
        default: .certificates("\(error)")
        }
    }

    /// Starts both servers, and the work of a control that has them.
    @inline(never)
    private static func openDoors(
        _ core: ControlCore, _ authority: Authority, _ configuration: ControlConfiguration,
        _ certificate: ShownCertificate?, _ admission: Admission, _ tokenFile: String?,
        _ clock: @escaping @Sendable () -> Double, _ renewalStep: Duration
    ) async throws -> ControlRole {
        let doors = core.settings.doors
        let door = try await LinkDoor.start(
            core.agents, at: configuration.agents, authority: authority,
            names: doors.compactMap { HTTPURL($0)?.host }, logger: core.logger, clock: clock)
        if doors.isEmpty {
            let names = await Threads.offload(name: "names") { ServerName.ofThisHost() }
            core.cluster.setDoors([Self.door(door.address, names)])
        }
        do {
            let server = try await ControlServer.start(
                core, at: configuration.listen, certificates: certificate?.certificates, admission: admission,
                logger: core.logger)
            let notifier =
                configuration.webhooks.isEmpty ? nil : Notifier(core, configuration.webhooks, logger: core.logger)
            // As long as no node has joined: an earlier start may have failed before it could say so.
            var isFirst = tokenFile != nil
            if !isFirst, core.nodes.isEmpty {
                isFirst = try await core.store.tokens(after: nil, limit: 1).isEmpty
            }
            let command = isFirst ? try await firstCommand(core) : nil
            return ControlRole(
                core, core.store, door, server, certificate, notifier, command: command, tokenFile: tokenFile,
                renewalStep: renewalStep)
        } catch {
            await door.stop()
            throw error
        }
    }

    private init(
        _ core: ControlCore, _ store: ControlStore, _ door: LinkDoor, _ server: ControlServer,
        _ certificate: ShownCertificate?, _ notifier: Notifier?, command: String?, tokenFile: String?,
        renewalStep: Duration
    ) {
        self.core = core
        self.store = store
        self.door = door
        self.server = server
        self.certificate = certificate
        self.notifier = notifier
        firstCommand = command
        self.tokenFile = tokenFile
        work = Task { await core.run() }
        let (now, logger) = (core.now, core.logger)
        renewal = Task {
            guard case .own(let own)? = certificate else { return }
            while !Task.isCancelled {
                try? await Task.sleep(for: renewalStep)
                do { try own.renewIfDue(at: now()) } catch {
                    logger.error("the API keeps its old certificate", metadata: ["error": "\(error)"])
                }
            }
        }
    }

    /// Reads the API's certificate again. Blocks on the disk.
    package func reload() throws(Certificates.Problem) {
        guard case .files(let certificates)? = certificate else { return }
        try certificates.reload()
    }

    package func stop() async {
        work.cancel()
        renewal.cancel()
        core.stop()
        await notifier?.stop()
        async let first: Void = server.stop()
        await door.stop()
        await first
        await work.value
        await store.close()
    }

    /// Writes who vouches for the API's certificate beyond loopback. The file opens nothing.
    @inline(never)
    private static func showAuthority(_ certificate: String, in data: String) async throws(ControlProblem) {
        let (place, pem) = ("\(data)/\(authorityFile)", Array(certificate.utf8))
        let problem = await Threads.offload(name: "authority") { () -> IdentityProblem? in
            do throws(IdentityProblem) { try PrivateFile.replace(place, pem) } catch { return error }
            return nil
        }
        if let problem { throw .secret(problem.description) }
    }

    // MARK: The first start

    /// Creates an admin's token if there is no API token at all.
    /// - Returns: the path of its file.
    @inline(never)
    private static func firstToken(
        _ core: ControlCore, _ configuration: ControlConfiguration
    ) async throws(ControlProblem) -> String? {
        let path = "\(configuration.data)/admin.token"
        do {
            guard try await core.store.apiTokens().isEmpty else { return nil }
            let (record, secret) = APITokenRecord.make(
                name: "admin", role: FleetRoles.admin.name, classes: [], ttl: 10 * 365 * 86_400,
                by: .control(at: core.now()))
            // The file is written first: a token in the database is useless if nobody has it.
            try await Threads.offload(name: "token") { () throws(IdentityProblem) in
                try PrivateFile.replace(path, Array("\(secret.value)\n".utf8))
            }
            guard try await core.store.add(record, by: .control(at: core.now())).value != nil else { return nil }
            try await core.access.load(core.store)
            return path
        } catch let error as StoreError { throw .store(error) } catch { throw .secret("\(error)") }
    }

    private static func firstCommand(_ core: ControlCore) async throws(ControlProblem) -> String? {
        guard let token = EnrolmentToken(random: RandomBytes.make(40), pin: core.authority.pin) else { return nil }
        let now = core.now()
        let record = TokenRecord(
            grant: EnrolmentGrant(id: token.id, secretDigest: token.secretDigest, expires: now + 3600), who: "control",
            made: now)
        do { _ = try await core.store.add(record, by: .control(at: now)) } catch { throw .store(error) }
        return core.cluster.joinCommand(token, name: nil)
    }

    // MARK: Names and certificates

    private static func door(_ address: ListenAddress, _ names: [String]) -> String {
        let isAny = address.host == "::" || address.host == "0.0.0.0"
        // `names` has the loopback names first, then the machine's name.
        let own = names.first { $0 != "localhost" && !$0.hasPrefix("127.") && $0 != "::1" } ?? "localhost"
        return "https://\(ListenAddress(host: isAny ? own : address.host, port: address.port))"
    }

    /// Of the API: files, or beyond loopback a certificate of control's own authority.
    @inline(never)
    private static func certificate(
        _ configuration: ControlConfiguration, _ authority: Authority, _ names: [String], at now: Double
    ) throws(ControlProblem) -> ShownCertificate? {
        do {
            if let tls = configuration.tls {
                return .files(try Certificates(TLSFiles(chain: tls.certificate, key: tls.key)))
            }
            guard !configuration.listen.isLoopback else { return nil }
            return .own(try APICertificate(authority, names: [configuration.listen.host] + names, at: now))
        } catch { throw .certificates("\(error)") }
    }
}

/// What the API shows beyond loopback.
private enum ShownCertificate: Sendable {
    case files(Certificates)
    case own(APICertificate)

    var certificates: Certificates {
        switch self {
        case .files(let certificates): certificates
        case .own(let certificate): certificate.certificates
        }
    }
}
