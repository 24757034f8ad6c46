import Glibc
import NIOSSL
import Synchronization

/// The files that a server's TLS is made of, all of them PEM.
package struct TLSFiles: Sendable, Hashable {
    /// The server's certificate first, then those that vouch for it.
    package var chain: String
    /// Its private key.
    package var key: String
    /// A file whose first line opens the key; nil for a key that anybody who can read it can use.
    package var passphrase: String?
    /// Certificates of those that vouch for clients: whoever shows none of theirs is not let in. Empty: clients need none.
    package var clientAuthorities: [String]

    package init(chain: String, key: String, passphrase: String? = nil, clientAuthorities: [String] = []) {
        self.chain = chain
        self.key = key
        self.passphrase = passphrase
        self.clientAuthorities = clientAuthorities
    }
}

/// A server's certificate and key, from files that can be read again while it runs, or of the program's own: connections that come
/// afterwards get the new ones.
package final class Certificates: Sendable {
    /// Whether a client that showed these certificates is let in, its own first. Not asked about clients that showed none.
    package typealias ClientCheck = @Sendable ([NIOSSLCertificate]) -> Bool

    /// Why the files cannot be used.
    package struct Problem: Error, Sendable, CustomStringConvertible {
        package let description: String
    }

    /// Nil for what the program made itself.
    private let files: TLSFiles?
    /// In place of the library's own check.
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

    /// What the program made itself.
    /// - Parameters:
    ///   - configuration: asks clients for certificates where they are to be checked.
    ///   - leaf: the server's own certificate, DER.
    package init(_ configuration: TLSConfiguration, leaf: [UInt8], clientCheck: ClientCheck?) throws(Problem) {
        files = nil
        self.clientCheck = clientCheck
        loaded = Mutex(try Self.load(configuration, leaf: leaf))
    }

    /// The same later, with another certificate.
    package func replace(_ configuration: TLSConfiguration, leaf: [UInt8]) throws(Problem) {
        let new = try Self.load(configuration, leaf: leaf)
        loaded.withLock { $0 = new }
    }

    /// Reads the files again. What was in force stays so if they cannot be used. Blocks on the disk.
    /// - Throws: ``Problem``, which names the file that is wrong.
    package func reload() throws(Problem) {
        guard let files else { return }
        let new = try Self.load(files)
        loaded.withLock { $0 = new }
    }

    /// For a new connection.
    func handler() -> NIOSSLServerHandler {
        let context = loaded.withLock(\.context)
        guard let clientCheck else { return NIOSSLServerHandler(context: context) }
        return NIOSSLServerHandler(context: context) { chain, verdict in
            verdict.succeed(clientCheck(chain) ? .certificateVerified : .failed)
        }
    }

    /// The server's own certificate as DER: clients may be told its digest.
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
            // A client's certificate names no host. One that shows none is refused.
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
            // Without a callback the library would ask on the terminal.
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
