import Crypto
import Files

/// The 32 bytes under which an authority's key lies in a database (AES-256-GCM): who has the database alone opens nothing.
package struct SealingSecret: Sendable, CustomStringConvertible, CustomReflectable {
    package static let length = 32

    private let key: SymmetricKey

    private init(bytes: [UInt8]) { key = SymmetricKey(data: bytes) }

    /// A new one, for tests.
    package init() { key = SymmetricKey(size: .bits256) }

    /// The secret in a file. Blocks.
    /// - Returns: nil when there is no file.
    package static func read(_ path: String) throws(IdentityProblem) -> SealingSecret? {
        guard let bytes = try PrivateFile.read(path) else { return nil }
        guard bytes.count == length else {
            throw IdentityProblem("\(path) has \(bytes.count) bytes and not \(length): copy it from another control")
        }
        return SealingSecret(bytes: bytes)
    }

    /// The secret in a file, made there (mode 600) when there is none. Blocks.
    package static func inFile(_ path: String) throws(IdentityProblem) -> SealingSecret {
        if let known = try read(path) { return known }
        var generator = SystemRandomNumberGenerator()
        let bytes = (0..<length).map { _ in UInt8.random(in: 0 ... .max, using: &generator) }
        if try PrivateFile.create(path, bytes) { return SealingSecret(bytes: bytes) }
        guard let known = try read(path) else { throw IdentityProblem("\(path) is gone") }
        return known
    }

    /// - Parameter purpose: has to be said again to open it: what is sealed for one thing is not taken for another.
    package func seal(_ bytes: [UInt8], for purpose: String) throws(IdentityProblem) -> [UInt8] {
        do {
            let box = try AES.GCM.seal(bytes, using: key, authenticating: Array(purpose.utf8))
            guard let combined = box.combined else { throw IdentityProblem("cannot be sealed") }
            return Array(combined)
        } catch {
            throw IdentityProblem("cannot be sealed: \(error)")
        }
    }

    /// - Throws: where it was sealed under another secret, for something else, or changed since.
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
