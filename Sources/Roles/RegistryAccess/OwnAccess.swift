import Files
import Glibc
import HTTPServing
import Text

/// The certificate, the tokens and the swarm secret that a registry makes for itself, in the directory `access` beside its
/// blobs. An operator may replace the files or remove the directory: the next start makes the missing ones.
package struct OwnAccess: Sendable {
    /// Why the files could not be made.
    package struct Problem: Error, Sendable, CustomStringConvertible {
        package let path: String
        /// The disk's error; nil where the certificate itself could not be made.
        package let disk: SystemError?
        package var description: String { disk.map { "\($0)" } ?? "no certificate could be made" }
    }

    package let path: String

    package init(data: String) { path = data + "/access" }

    package var tls: TLSFiles { TLSFiles(chain: path + "/certificate.pem", key: path + "/key.pem") }
    package var tokens: String { path + "/tokens.json" }
    /// The path of the file with the swarm secret.
    package var swarmSecret: String { path + "/swarm.secret" }
    /// The path of the file with the token of a role, for `--token-file`.
    package func token(_ role: Role) -> String { "\(path)/\(role).token" }

    /// Makes the certificate and the tokens that are missing. Blocks on the disk.
    /// - Parameters:
    ///   - hosts: addresses and host names by which clients reach the registry.
    ///   - now: seconds since 1970.
    package func make(hosts: [String], now: Int64) throws(Problem) {
        try attempt { try prepare(hosts, now) }
    }

    /// Makes the swarm secret if it is missing. Blocks on the disk.
    package func makeSwarmSecret() throws(Problem) {
        try attempt {
            let directory = try openDirectory()
            guard try directory.status(Self.swarmName) == nil else { return }
            try Self.write(Secret.random().value + "\n", Self.swarmName, directory)
        }
    }

    private func attempt(_ body: () throws -> Void) throws(Problem) {
        do { try body() } catch { throw Problem(path: path, disk: error as? SystemError) }
    }

    private func openDirectory() throws -> HeldDirectory {
        let place = SystemPath(path)
        let (above, name) = try place.split()
        if try HeldDirectory.open(above, creating: true).status(name) == nil {
            try SystemFileLayer().makeDirectory(path: place, permissions: 0o700)
        }
        return try HeldDirectory.open(place)
    }

    private func prepare(_ hosts: [String], _ now: Int64) throws {
        let directory = try openDirectory()
        if try directory.status(Self.certificateName) == nil {
            let made = try SelfSignedCertificate(hosts: hosts, now: now)
            // The key is written first: if the certificate is missing, the next start makes both again.
            try Self.write(made.privateKey.value, Self.keyName, directory)
            try Self.write(made.pem, Self.certificateName, directory)
        }
        guard try directory.status(Self.tokensName) == nil else { return }
        var entries: [String] = []
        for role in RegistryRoles.all {
            let secret = Secret.random()
            guard let name = FileName("\(role).token") else { continue }
            try Self.write(secret.value + "\n", name, directory)
            entries.append(#"    {"name": "\#(role)", "role": "\#(role)", "sha256": "\#(secret.digest)"}"#)
        }
        try Self.write(
            "{\n  \"tokens\": [\n" + entries.joined(separator: ",\n") + "\n  ]\n}\n", Self.tokensName, directory)
    }

    private static let certificateName = FileName(own: "certificate.pem")
    private static let keyName = FileName(own: "key.pem")
    private static let swarmName = FileName(own: "swarm.secret")
    private static let tokensName = FileName(own: "tokens.json")

    private static func write(_ text: String, _ name: FileName, _ directory: HeldDirectory) throws(SystemError) {
        var file = try directory.replacement(
            name, temporary: .random(prefix: ".new-"), [.writeOnly, .hiddenFromOthers])
        guard fchmod(file.descriptor, 0o600) == 0 else { throw .current }
        try file.write(Array(text.utf8))
        try file.commit(isDurable: true)
    }
}
