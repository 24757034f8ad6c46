import Agent
import ArgumentParser
import Files
import HTTPTransport
import Identity
import Registry
import RegistryClient
import Text

/// The options that all commands of a registry share.
struct RegistryArguments: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The registry. Default: the environment's SWOOP_REGISTRY, else \(Self.defaultURL).", valueName: "url"))
    var registry: String?

    @Option(
        help: ArgumentHelp(
            "A file with the registry's token, or with USER:PASSWORD for a registry of another kind.", valueName: "file"
        ))
    var tokenFile: String?

    @Option(
        help: ArgumentHelp(
            "The SHA-256 of the certificate that the registry shows: no other is trusted. 'swoop up --host' prints it.",
            valueName: "pin"),
        transform: PinArgument.parse)
    var pin: CertificatePin?

    @Option(
        help: ArgumentHelp(
            "A YAML configuration file with the registry's token and trusted authorities.", valueName: "file",
            visibility: .hidden))
    var registryConfig: String?

    @Option(
        help: ArgumentHelp(
            "A YAML file with secrets, merged over --registry-config.", valueName: "file", visibility: .hidden))
    var registrySecrets: String?

    /// Whether the command or its environment names a registry.
    var isGiven: Bool { registry != nil || Terminal.environment("SWOOP_REGISTRY").map { !$0.isEmpty } ?? false }

    static let defaultURL = "http://127.0.0.1:15000"

    /// The configuration of the files; nil without files. Blocks on the disk.
    private func configured() throws -> RoleConfiguration? {
        guard registryConfig != nil || registrySecrets != nil else { return nil }
        let place = (registryConfig, registrySecrets)
        return RoleConfiguration(
            values: try ConfigurationArguments.read(place).configuration, place: place, site: nil)
    }

    /// - Parameter silence: seconds without a byte after which a request counts as failed.
    func client(silence: Double) throws -> RegistryClient {
        let (url, credential) = try place()
        var settings = try settings
        settings.readTimeout = silence
        return RegistryClient(base: url, credential: credential, settings: settings)
    }

    /// A client for content. If the given URL is that of an index, which has no content, the client uses one of its
    /// origins.
    func contentClient(silence: Double) async throws -> RegistryClient {
        let (url, credential) = try place()
        return await Self.contentClient(url, credential, try settings, silence: silence)
    }

    /// - Parameter settings: of connections to all parts, in which `silence` is for content alone.
    static func contentClient(
        _ url: HTTPURL, _ credential: RegistryCredential?, _ settings: HTTPTransportSettings, silence: Double
    ) async -> RegistryClient {
        var forContent = settings
        forContent.readTimeout = silence
        let named = RegistryClient(base: url, credential: credential, settings: forContent)
        guard await named.hasContent() == false else { return named }
        let origins = ownOrder(await parts(of: url, credential, settings)?.origins.map(\.url) ?? [])
        let found = await first(of: origins, beside: url, credential, forContent) { await $0.hasContent() == true }
        guard let found else { return named }
        await named.shutdown()
        return found
    }

    /// The origins in the order in which this host asks them: the same each time, since an interrupted upload goes on at the
    /// origin where it began; another one on other hosts, so that all have their share.
    static func ownOrder(_ origins: [HTTPURL]) -> [HTTPURL] {
        let byText = Dictionary(origins.map { ($0.text, $0) }) { first, _ in first }
        return Rendezvous.order(Array(byText.keys), for: Array(HostName.own.utf8)).compactMap { byText[$0] }
    }

    /// A client of an index, for what only indexes can do. If the given URL is that of an origin, one of the indexes that it
    /// lists and that answers.
    func indexClient(silence: Double) async throws -> RegistryClient {
        let (url, credential) = try place()
        var settings = try settings
        let indexes = await Self.parts(of: url, credential, settings)?.indexes ?? []
        settings.readTimeout = silence
        if !indexes.contains(url),
            let found = await Self.first(
                of: indexes, beside: url, credential, settings,
                that: { (try? await $0.probe("/healthz", within: 5)) != nil })
        {
            return found
        }
        return RegistryClient(base: url, credential: credential, settings: settings)
    }

    private static func parts(
        of url: HTTPURL, _ credential: RegistryCredential?, _ settings: HTTPTransportSettings
    ) async -> Cluster? {
        let view = RegistryView(url, credential: credential, settings: settings)
        let parts = try? await view.parts(now: 0)
        await view.shutdown()
        return parts
    }

    /// A client of the first other part of the registry that is right.
    private static func first(
        of parts: [HTTPURL], beside url: HTTPURL, _ credential: RegistryCredential?, _ settings: HTTPTransportSettings,
        that isRight: (RegistryClient) async -> Bool
    ) async -> RegistryClient? {
        for part in parts where part != url {
            // The token must not be sent in plain text to another part if the named one uses TLS.
            let isTrusted = part.isSecure || !url.isSecure
            let client = RegistryClient(base: part, credential: isTrusted ? credential : nil, settings: settings)
            if await isRight(client) { return client }
            await client.shutdown()
        }
        return nil
    }

    /// Settings of connections to all parts of the registry.
    var settings: HTTPTransportSettings {
        get throws {
            var settings = try configured()?.transport() ?? HTTPTransportSettings()
            settings.pin = pin
            return settings
        }
    }

    /// The registry's URL, and the credential for it.
    /// - Parameter configured: the URL of a configuration file, used if neither option nor environment has one.
    func place(configured: String? = nil) throws -> (HTTPURL, RegistryCredential?) {
        let environment = Terminal.environment("SWOOP_REGISTRY").flatMap { $0.isEmpty ? nil : $0 }
        let given = registry ?? environment ?? configured
        let text = given ?? Self.defaultURL
        guard let url = PartURL.url(text) else {
            throw Failure(
                .usage, "'\(text.shown)' is no address of a registry",
                advice: "Write --registry http://HOST:15000 or https://HOST.")
        }
        guard pin == nil || url.isSecure else {
            throw Failure(
                .usage, "'--pin' is of no use for '\(text.shown)', which is without TLS",
                advice: "Write --registry https://HOST:15000.")
        }
        return (url, try CredentialFile.read(tokenFile) ?? self.configured()?.credential())
    }

    /// The directory in which digests and unfinished uploads are remembered; nil without a home directory.
    static var cachePath: String? {
        if let base = Terminal.environment("XDG_CACHE_HOME"), base.hasPrefix("/") { return base + "/swoop" }
        guard let home = Terminal.environment("HOME"), home.hasPrefix("/") else { return nil }
        return home + "/.cache/swoop"
    }
}

/// A file with a token.
enum CredentialFile {
    static func read(_ path: String?) throws -> RegistryCredential? {
        guard let path else { return nil }
        let text: String
        do {
            let file = try SystemFileLayer().readSmallFile(SystemPath(path), limit: 64 << 10, followSymlink: true)
            text = String(decoding: file.bytes, as: UTF8.self)
        } catch {
            throw Failure(.usage, "--token-file: cannot read '\(path.shown)': \(error)")
        }
        guard let credential = RegistryCredential(text.trimmingBlanks) else {
            throw Failure(.usage, "--token-file: '\(path.shown)' has no token in it")
        }
        return credential
    }
}

enum PinArgument {
    static func parse(_ text: String) throws -> CertificatePin {
        guard let pin = CertificatePin(text) else {
            throw ArgumentProblem("a pin is the SHA-256 of a certificate: 64 hexadecimal digits")
        }
        return pin
    }
}

/// NAME, NAME:TAG or NAME@DIGEST as an argument.
enum ReferenceArgument {
    static func parse(_ text: String) throws -> Reference {
        guard let reference = Reference(text) else { throw problem }
        return reference
    }

    /// NAME or NAME:TAG, without a digest.
    static func tagged(_ text: String) throws -> Reference {
        let reference = try parse(text)
        guard case .tag = reference.version else { throw ArgumentProblem("a tag is wanted here, not a digest") }
        return reference
    }

    static func name(_ text: String) throws -> ContentName {
        guard let name = ContentName(text) else { throw problem }
        return name
    }

    private static let problem = ArgumentProblem(
        """
        a name is parts of letters, digits, '.', '_' and '-' with slashes between, as in team/app, and a tag follows a \
        colon, as in team/app:1.0
        """)
}

extension Failure {
    /// The exit status for errors of a registry.
    init(_ error: RegistryError) {
        let (status, advice): (ExitStatus, String) =
            switch error {
            case .silent(_, _, .notTrusted(let host, "wrong version number")):
                (.failed, "\(host) speaks plain HTTP at that port: write http:// in place of https://.")
            case .silent(_, _, .notTrusted(let host, let reason)):
                (
                    .failed,
                    "The TLS certificate of \(host) is not to be trusted: \(reason.shown). If it is the registry's own, give "
                        + "its pin with --pin, as 'swoop up --host' prints it there."
                )
            case .silent(let registry, _, let cause):
                (
                    .failed,
                    "\(cause.description.prefix(1).uppercased())\(cause.description.dropFirst()). Does 'swoop up' run "
                        + "there? Another registry is named by --registry; this one is \(registry)."
                )
            case .unauthorized: (.refused, "Is the token right, and for this name? Give it with --token-file.")
            case .denied: (.refused, "")
            case .unknown: (.notFound, "")
            case .noSpace: (.disk, "Make room there, then run the same command again: it goes on from where it was.")
            case .refused:
                (.failed, "Run the same command again; the registry's log may say more.")
            case .malformed: (.verification, "Is that a registry? Look at the URL.")
            case .cancelled: (.interrupted, "")
            }
        self.init(status, error.description, advice: advice)
    }
}
