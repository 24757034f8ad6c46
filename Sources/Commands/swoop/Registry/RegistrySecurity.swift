import Address
import ArgumentParser
import Files
import Glibc
import HTTPServing
import HTTPTransport
import Registry
import RegistryAccess
import RegistryClient
import Text
import Threads

/// The options with a registry's files of tokens and certificates.
struct SecurityArguments: ParsableArguments, Sendable {
    @Option(
        help: ArgumentHelp(
            "A file, mode 600, with tokens: {\"tokens\": [{name, role, sha256|secret, names, expires}]}.",
            valueName: "file"))
    var tokens: String?

    @Option(
        help: ArgumentHelp("PEM file: the server's certificate, then its intermediate certificates.", valueName: "file")
    )
    var tlsCertificate: String?

    @Option(help: ArgumentHelp("PEM file: its private key.", valueName: "file"))
    var tlsKey: String?

    @Option(help: ArgumentHelp("A file whose first line is the key's passphrase.", valueName: "file"))
    var tlsPassphrase: String?

    @Option(
        help: ArgumentHelp(
            "PEM file of authorities: clients must show a certificate that one of them has signed.", valueName: "file"))
    var tlsClientCa: String?

    @Flag(help: "Let everybody who reaches it push, pull and delete.")
    var insecure = false

    /// Call from the command's `validate`: the parser does not call the one of an option group.
    func check() throws {
        if insecure, tokens != nil { throw ValidationError("'--insecure' and '--tokens' exclude each other") }
        guard (tlsCertificate == nil) == (tlsKey == nil) else {
            throw ValidationError("'--tls-certificate' and '--tls-key' go together")
        }
        guard tlsCertificate != nil || (tlsPassphrase == nil && tlsClientCa == nil) else {
            throw ValidationError("'--tls-passphrase' and '--tls-client-ca' need '--tls-certificate'")
        }
    }

    /// Refuses to listen beyond loopback without tokens or `--insecure`.
    /// - Parameter option: the option with the address, for the error message.
    func checkDoor(isLoopback: Bool, option: String, of part: String, _ given: RoleConfiguration) throws {
        let isOpen = insecure || tokens != nil || given.values.insecure || !given.values.tokens.isEmpty
        guard isLoopback || isOpen else {
            throw Failure(
                .usage,
                "with '\(option.shown)' strangers reach the \(part): add --tokens FILE, or --insecure if they all may push, pull and delete"
            )
        }
    }

    var tls: TLSFiles? {
        guard let tlsCertificate, let tlsKey else { return nil }
        return TLSFiles(
            chain: tlsCertificate, key: tlsKey, passphrase: tlsPassphrase,
            clientAuthorities: tlsClientCa.map { [$0] } ?? [])
    }
}

/// The options by which a part of a registry and the other parts authenticate each other.
struct PartArguments: ParsableArguments, Sendable {
    @Option(
        help: ArgumentHelp(
            "A file with a token of the role cluster, for the registry's other parts.", valueName: "file"))
    var tokenFile: String?

    @Option(
        help: ArgumentHelp("The SHA-256 of the certificate that the other parts show.", valueName: "pin"),
        transform: PinArgument.parse)
    var pin: CertificatePin?

    /// The token of the option, else that of the configuration files; nil for none. Blocks on the disk.
    func credential(_ given: RoleConfiguration) throws -> RegistryCredential? {
        try CredentialFile.read(tokenFile) ?? given.credential()
    }
}

/// A registry's access rule, its certificate, and how its swarms are found.
struct RegistrySecurity: Sendable {
    let access: RegistryAccess
    let certificates: Certificates?
    /// The tokens that the registry made for itself; nil if they were given, or none are needed.
    let own: OwnAccess?
    /// The pin of the self-signed certificate that the registry made, for its clients; nil without one.
    let pin: CertificatePin?
    /// How swarms are found: by a secret, if the files have one or the registry made one.
    let swarms: SwarmTerms

    init(access: RegistryAccess, certificates: Certificates?, own: OwnAccess?, pin: CertificatePin?) {
        (self.access, self.certificates, self.own, self.pin) = (access, certificates, own, pin)
        swarms = .anyClient
    }

    /// Reads the files, and makes those that are needed but not given. Blocks on the disk.
    /// - Parameter given: a configuration, which may contain tokens and certificates too.
    init(
        _ files: SecurityArguments, data: String, host: String, needsTokens: Bool, isInsecure: Bool,
        given: RoleConfiguration? = nil
    ) throws {
        let own = OwnAccess(data: data)
        let isOpen = HostName.isLoopback(host)
        let givenTokens = files.tokens == nil && !isInsecure ? try given?.tokens() : nil
        let givenCertificates = files.tls == nil ? try given?.certificates() : nil
        let givenSwarms = try given?.swarms()
        let makesTokens = needsTokens && files.tokens == nil && givenTokens == nil
        let makesCertificate = needsTokens && !isOpen && files.tls == nil && givenCertificates == nil
        let makesSecret = needsTokens && !isOpen && givenSwarms == nil
        if makesTokens || makesCertificate || makesSecret {
            do {
                if makesTokens || makesCertificate {
                    try own.make(hosts: Self.names(of: host), now: Clocks.wallWholeSeconds)
                }
                if makesSecret { try own.makeSwarmSecret() }
            } catch {
                throw Failure(
                    error.disk.map { Failure.status($0.number) } ?? .failed,
                    "the registry cannot make its certificate and tokens in \(error.path.shown): \(error)",
                    advice:
                        "Give another directory with --data, or files with --tokens, --tls-certificate and --tls-key.")
            }
        }
        do {
            let tls = files.tls ?? (makesCertificate ? own.tls : nil)
            certificates = try tls.map { try Certificates($0) } ?? givenCertificates
            let tokens = files.tokens ?? (makesTokens ? own.tokens : nil)
            access =
                try tokens.map { .tokens(try RegistryTokens(path: $0)) } ?? givenTokens.map { .tokens($0) }
                ?? (isInsecure ? .everybody : .local)
        } catch let error as Certificates.Problem {
            throw Failure(.usage, error.description.shown)
        } catch let error as TokenTable.Problem {
            throw Failure(.usage, error.description.shown)
        }
        self.own = makesTokens ? own : nil
        if makesSecret {
            swarms = SwarmTerms(try Self.secret(in: own), open: try given?.openNames() ?? .none)
        } else {
            swarms = givenSwarms ?? .anyClient
        }
        pin = makesCertificate ? certificates.map { CertificatePin(certificate: $0.certificate) } : nil
    }

    /// Whether there are files to reload.
    var isFromFiles: Bool { if case .tokens = access { true } else { certificates != nil } }

    /// Reloads the files on SIGHUP, if there are any.
    func reloadOnHangup(_ reporter: Reporter) {
        guard isFromFiles else { return }
        StopSignal.shared.onHangup { Threads.runDetached { reload(reporter) } }
    }

    /// Reloads the files. A faulty file leaves the loaded state in force, with a warning. Blocks on the disk.
    func reload(_ reporter: Reporter) {
        if case .tokens(let tokens) = access {
            do { try tokens.reload() } catch { reporter.warning("the tokens before stay in force: \(error)".shown) }
        }
        do { try certificates?.reload() } catch {
            reporter.warning("the certificates before stay in force: \(error)".shown)
        }
        reporter.note("tokens and certificates were read again; other keys of the configuration need a restart")
    }

    /// Blocks.
    private static func secret(in own: OwnAccess) throws -> Secret {
        let path = own.swarmSecret
        do {
            let file = try SystemFileLayer().readSmallFile(SystemPath(path), limit: 4_096)
            let text = String(decoding: file.bytes.prefix { $0 != 0x0a }, as: UTF8.self)
            guard file.status.permissions & 0o077 == 0 else {
                throw Failure(.usage, "others can read or change \(path.shown): it needs mode 600")
            }
            guard !text.isEmpty else { throw Failure(.usage, "\(path.shown) is empty: a secret is expected") }
            return Secret(text)
        } catch let error as SystemError {
            throw Failure(Failure.status(error.number), "\(path.shown) cannot be read: \(error)")
        }
    }

    /// Host names and addresses for the registry's certificate, each once.
    private static func names(of host: String) -> [String] {
        let names = [reachable(host), "localhost", "127.0.0.1", "::1", hostName].compactMap(\.self)
        return names.enumerated().filter { !names[..<$0.offset].contains($0.element) }.map(\.element)
    }

    /// The host by which other machines reach a listening address: the machine's name for a wildcard address.
    static func reachable(_ host: String) -> String {
        host == "0.0.0.0" || host == "::" ? hostName ?? host : host
    }

    /// The name of this machine.
    private static var hostName: String? {
        var buffer = [CChar](repeating: 0, count: 256)
        guard gethostname(&buffer, buffer.count - 1) == 0, buffer[0] != 0 else { return nil }
        return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
