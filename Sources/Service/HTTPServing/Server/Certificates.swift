import NIOCore
import NIOSSL
import Synchronization

/// A server's certificate and key, from files that can be reloaded while it runs: later connections use the new ones.
package final class Certificates: Sendable {
    /// Why the files cannot be used.
    package struct Problem: Error, Sendable, CustomStringConvertible {
        package let description: String
    }

    private let chain: String
    private let key: String
    private let context: Mutex<NIOSSLContext>

    /// - Parameters:
    ///   - chain: a PEM file with the server's certificate, followed by its intermediate certificates.
    ///   - key: a PEM file with the private key.
    /// - Throws: ``Problem``, which names the invalid file.
    package init(chain: String, key: String) throws(Problem) {
        self.chain = chain
        self.key = key
        context = Mutex(try Self.load(chain, key))
    }

    /// Reads the files again. If they cannot be used, the previous certificate stays in use.
    /// - Throws: ``Problem``, which names the invalid file.
    package func reload() throws(Problem) {
        let new = try Self.load(chain, key)
        context.withLock { $0 = new }
    }

    var current: NIOSSLContext { context.withLock(\.self) }

    private static func load(_ chain: String, _ key: String) throws(Problem) -> NIOSSLContext {
        let certificates: [NIOSSLCertificate]
        do { certificates = try NIOSSLCertificate.fromPEMFile(chain) } catch {
            throw Problem(description: "\(chain) cannot be read as certificates: \(error)")
        }
        guard !certificates.isEmpty else { throw Problem(description: "\(chain) has no certificate in it") }
        let privateKey: NIOSSLPrivateKey
        do { privateKey = try NIOSSLPrivateKey(file: key, format: .pem) } catch {
            throw Problem(description: "\(key) cannot be read as a private key: \(error)")
        }
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: certificates.map { .certificate($0) }, privateKey: .privateKey(privateKey))
        configuration.minimumTLSVersion = .tlsv12
        configuration.applicationProtocols = ["http/1.1"]
        do { return try NIOSSLContext(configuration: configuration) } catch {
            throw Problem(description: "\(chain) and \(key) do not belong together: \(error)")
        }
    }
}
