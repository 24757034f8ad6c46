import Glibc
import NIOSSL
import Synchronization

/// The PEM files for a server's TLS.
package struct TLSFiles: Sendable, Hashable {
    /// The server's certificate, followed by the intermediate certificates.
    package var chain: String
    /// The server's private key.
    package var key: String
    /// A file whose first line is the passphrase of the key; nil for a key without one.
    package var passphrase: String?
    /// Certificates of the authorities for clients. A client without a certificate from one of them is refused. If
    /// empty, clients need no certificate.
    package var clientAuthorities: [String]

    package init(chain: String, key: String, passphrase: String? = nil, clientAuthorities: [String] = []) {
        self.chain = chain
        self.key = key
        self.passphrase = passphrase
        self.clientAuthorities = clientAuthorities
    }
}

/// A server's certificate and key, either from files that can be reloaded, or made by this program. A change applies to
/// new connections.
package final class Certificates: Sendable {
    /// Decides whether to accept a client's certificates, its own first. Not called for a client that has none.
    package typealias ClientCheck = @Sendable ([NIOSSLCertificate]) -> Bool

    /// Why the files cannot be used.
    package struct Problem: Error, Sendable, CustomStringConvertible {
        package let description: String
    }

    /// Nil for a certificate made by this program.
    private let files: TLSFiles?
    /// Replaces the check of the TLS library.
    private let clientCheck: ClientCheck?
    private let loaded: Mutex<Loaded>

    private struct Loaded {
        let context: NIOSSLContext
        /// The server's own certificate.
        let leaf: [UInt8]
    }

    /// Reads the files. Blocks on the disk.
    /// - Throws: ``Problem``, which names the file that is wrong.
    package init(_ files: TLSFiles) throws(Problem) {
        self.files = files
        clientCheck = nil
        loaded = Mutex(try Self.load(files))
    }

    /// For a certificate made by this program.
    /// - Parameters:
    ///   - configuration: must ask clients for certificates if they are to be checked.
    ///   - leaf: the server's own certificate, DER.
    package init(_ configuration: TLSConfiguration, leaf: [UInt8], clientCheck: ClientCheck?) throws(Problem) {
        files = nil
        self.clientCheck = clientCheck
        loaded = Mutex(try Self.load(configuration, leaf: leaf))
    }

    /// Replaces the certificate.
    package func replace(_ configuration: TLSConfiguration, leaf: [UInt8]) throws(Problem) {
        let new = try Self.load(configuration, leaf: leaf)
        loaded.withLock { $0 = new }
    }

    /// Reads the files again. If they cannot be used, the current certificate stays in use. Blocks on the disk.
    /// - Throws: ``Problem``, which names the file that is wrong.
    package func reload() throws(Problem) {
        guard let files else { return }
        let new = try Self.load(files)
        loaded.withLock { $0 = new }
    }

    /// The TLS handler for a new connection.
    func handler() -> NIOSSLServerHandler {
        let context = loaded.withLock(\.context)
        guard let clientCheck else { return NIOSSLServerHandler(context: context) }
        return NIOSSLServerHandler(context: context) { chain, verdict in
            verdict.succeed(clientCheck(chain) ? .certificateVerified : .failed)
        }
    }

    /// The server's own certificate as DER, whose digest clients may be given.
    package var certificate: [UInt8] { loaded.withLock(\.leaf) }

    private static func load(_ configuration: TLSConfiguration, leaf: [UInt8]) throws(Problem) -> Loaded {
        do { return Loaded(context: try NIOSSLContext(configuration: configuration), leaf: leaf) } catch {
            throw Problem(description: "the server's certificate and key cannot be used: \(error)")
        }
    }

    private static func load(_ files: TLSFiles) throws(Problem) -> Loaded {
        let chain = try certificates(files.chain)
        let key = try privateKey(files)
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key))
        configuration.minimumTLSVersion = .tlsv12
        configuration.applicationProtocols = ["http/1.1"]
        if !files.clientAuthorities.isEmpty {
            var authorities: [NIOSSLCertificate] = []
            for file in files.clientAuthorities { authorities += try certificates(file) }
            configuration.trustRoots = .certificates(authorities)
            // A client's certificate contains no host name. A client without a certificate is refused.
            configuration.certificateVerification = .noHostnameVerification
        }
        do {
            return Loaded(
                context: try NIOSSLContext(configuration: configuration), leaf: try chain.first?.toDERBytes() ?? [])
        } catch {
            throw Problem(description: "\(files.chain) and \(files.key) do not belong together: \(error)")
        }
    }

    private static func certificates(_ file: String) throws(Problem) -> [NIOSSLCertificate] {
        let certificates: [NIOSSLCertificate]
        do { certificates = try NIOSSLCertificate.fromPEMFile(file) } catch {
            throw Problem(description: "\(file) cannot be read as certificates: \(error)")
        }
        guard !certificates.isEmpty else { throw Problem(description: "\(file) has no certificate in it") }
        return certificates
    }

    private static func privateKey(_ files: TLSFiles) throws(Problem) -> NIOSSLPrivateKey {
        guard let file = files.passphrase else {
            // Without a callback, the TLS library would ask for the passphrase on the terminal.
            do { return try NIOSSLPrivateKey(file: files.key, format: .pem) { $0("".utf8) } } catch {
                throw Problem(description: "\(files.key) cannot be read as a private key: \(error)")
            }
        }
        let passphrase = try firstLine(of: file)
        do { return try NIOSSLPrivateKey(file: files.key, format: .pem) { $0(passphrase) } } catch {
            throw Problem(description: "\(files.key) cannot be read as a private key with what \(file) says: \(error)")
        }
    }

    private static func firstLine(of file: String) throws(Problem) -> [UInt8] {
        let descriptor = open(file, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw Problem(description: "\(file) cannot be read as a passphrase: \(String(cString: strerror(errno)))")
        }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = Glibc.read(descriptor, &bytes, bytes.count)
        let line = bytes.prefix(max(0, count)).prefix { $0 != UInt8(ascii: "\n") && $0 != UInt8(ascii: "\r") }
        guard !line.isEmpty else { throw Problem(description: "\(file) has no passphrase in its first line") }
        return Array(line)
    }
}
