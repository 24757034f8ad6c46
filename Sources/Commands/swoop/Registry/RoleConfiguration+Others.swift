import Address
import Files
import HTTPTransport
import RegistryClient
import RegistrySettings
import Settings
import Text

// The other roles in a role's configuration files: their addresses, and the settings of connections to them.
extension RoleConfiguration {
    /// `https` if the files have trusted authorities, and client TLS is not disabled.
    private var scheme: String {
        values.tls.authorities.isEmpty || values.tls.client.isDisabled ? "http" : "https"
    }

    /// The URLs of a role's hosts. Without any, this host's loopback address.
    /// - Parameter usual: the port of that role on this host, used if the files name no host.
    func urls(of hosts: HostList, usual: Int) throws -> [HTTPURL] {
        let addresses = hosts.isEmpty ? [ListenAddress(host: "127.0.0.1", port: usual)] : hosts.fixed
        return try (addresses + (hosts.dns.map { [$0] } ?? [])).map { address in
            guard let url = HTTPURL("\(scheme)://\(address)") else {
                throw Failure(.usage, "'\(address.description.shown)' is no host and port")
            }
            return url
        }
    }

    /// Seconds between two announces of a peer; nil if the files do not say.
    var announceInterval: Int? { values.trackerServer.announceInterval.map { max(1, Int($0.rounded())) } }

    /// Announce URLs of the trackers. They never use TLS.
    func announceURLs() -> [String] {
        let hosts = values.tracker
        let usual = [ListenAddress(host: "127.0.0.1", port: 15_003)]
        return (hosts.isEmpty ? usual : hosts.fixed + (hosts.dns.map { [$0] } ?? [])).map { "http://\($0)/announce" }
    }

    /// The token for calls to other roles: the key `token`, else the secret of a token with the role `cluster` in
    /// `tokens`, which the other roles have in their files too.
    func credential() throws -> RegistryCredential? {
        let shared = values.tokens.first { $0["role"]?.stringValue == "cluster" && $0["secret"]?.stringValue != nil }
        guard let text = values.token?.value ?? shared?["secret"]?.stringValue else { return nil }
        guard let credential = RegistryCredential(text) else {
            throw Failure(.usage, "the key 'token' is wrong: it is letters, digits and signs without blanks")
        }
        return credential
    }

    /// TLS settings for calls to other roles: trusted authorities, and the client certificate. Blocks on the disk.
    func transport() throws -> HTTPTransportSettings {
        var settings = HTTPTransportSettings()
        guard !values.tls.client.isDisabled, !values.tls.authorities.isEmpty || values.tls.client.files != nil else {
            return settings
        }
        let client = values.tls.client.files
        do throws(ClientTLS.Problem) {
            let passphrase = try client?.passphrase.map { file throws(ClientTLS.Problem) in try Self.firstLine(of: file)
            }
            settings.tls = try ClientTLS(
                authorities: values.tls.authorities.compactMap(\.path),
                identity: client.map { ($0.certificate, $0.key, passphrase ?? []) })
        } catch {
            throw Failure(.usage, "the key 'tls' is wrong: \(error)".shown)
        }
        return settings
    }

    private static func firstLine(of file: String) throws(ClientTLS.Problem) -> [UInt8] {
        do {
            let small = try SystemFileLayer().readSmallFile(SystemPath(file), limit: 4096, followSymlink: true)
            return Array(small.bytes.prefix { $0 != 0x0a && $0 != 0x0d })
        } catch {
            throw ClientTLS.Problem("\(file) cannot be read as a passphrase: \(error)")
        }
    }
}

extension RegistrySecurity {
    /// The access rule and the certificate of a role: from the options, else from the configuration files. Blocks on
    /// the disk.
    init(_ files: SecurityArguments, _ given: RoleConfiguration) throws {
        let asks = files.tokens != nil
        let options = try RegistrySecurity(
            files, data: "", host: "127.0.0.1", needsTokens: asks,
            isInsecure: files.insecure)
        self.init(
            access: try asks || files.insecure ? options.access : given.access(),
            certificates: try options.certificates ?? given.certificates(), own: nil, pin: nil)
    }
}
