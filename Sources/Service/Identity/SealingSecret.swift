import Crypto
import Files

/// The 32-byte key with which an authority's private key is encrypted in the database (AES-256-GCM). The database alone
/// does not reveal the private key.
package struct SealingSecret: Sendable, CustomStringConvertible, CustomReflectable {
    package static let length = 32

    private let key: SymmetricKey

    private init(bytes: [UInt8]) { key = SymmetricKey(data: bytes) }

    /// A new random secret, for tests.
    package init() { key = SymmetricKey(size: .bits256) }

    /// Reads the secret from a file. Blocks.
    /// - Returns: nil if there is no such file.
    package static func read(_ path: String) throws(IdentityProblem) -> SealingSecret? {
        guard let bytes = try PrivateFile.read(path) else { return nil }
        guard bytes.count == length else {
            throw IdentityProblem("\(path) has \(bytes.count) bytes and not \(length): copy it from another control")
        }
        return SealingSecret(bytes: bytes)
    }

    /// Reads the secret from a file. If there is no such file, creates a secret and the file (mode 600). Blocks.
    package static func inFile(_ path: String) throws(IdentityProblem) -> SealingSecret {
        if let known = try read(path) { return known }
        var generator = SystemRandomNumberGenerator()
        let bytes = (0..<length).map { _ in UInt8.random(in: 0 ... .max, using: &generator) }
        if try PrivateFile.create(path, bytes) { return SealingSecret(bytes: bytes) }
        guard let known = try read(path) else { throw IdentityProblem("\(path) is gone") }
        return known
    }

    /// - Parameter purpose: must be the same when the data is opened. So data sealed for one purpose is not accepted
    ///   for another.
    package func seal(_ bytes: [UInt8], for purpose: String) throws(IdentityProblem) -> [UInt8] {
        do {
            let box = try AES.GCM.seal(bytes, using: key, authenticating: Array(purpose.utf8))
            guard let combined = box.combined else { throw IdentityProblem("cannot be sealed") }
            return Array(combined)
        } catch {
            throw IdentityProblem("cannot be sealed: \(error)")
        }
    }

    /// - Throws: if the data was sealed with another secret or for another purpose, or was changed since.
    package func open(_ sealed: [UInt8], for purpose: String) throws(IdentityProblem) -> [UInt8] {
        do {
            return Array(
                try AES.GCM.open(
                    AES.GCM.SealedBox(combined: sealed), using: key, authenticating: Array(purpose.utf8)))
        } catch {
            throw IdentityProblem("was sealed under another secret, or was changed")
        }
    }

    package var description: String { "<secret>" }
    package var customMirror: Mirror { Mirror(self, children: []) }
}
