import Files
import Identity
import JSON
import Text
import Threads

/// The storage for a host's link: its key, certificates and sync state.
package enum LinkMemory: Sendable {
    /// Files of mode 600 in a directory: `key.pem`, `certificate.pem`, `authority.pem`, `link.json`.
    case directory(String)
    /// In memory only, for simulated hosts.
    case none

    /// The stored record; nil for a host that has not joined.
    package func load() async throws(LinkProblem) -> LinkRecord? {
        guard case .directory(let path) = self else { return nil }
        do { return try await Threads.offload { () throws(IdentityProblem) in try Self.load(path) } } catch {
            throw .local(error.description)
        }
    }

    private static func load(_ path: String) throws(IdentityProblem) -> LinkRecord? {
        func text(_ name: String) throws(IdentityProblem) -> String? {
            try PrivateFile.read("\(path)/\(name)").map { String(decoding: $0, as: UTF8.self) }
        }
        // A host that joins writes this file last.
        guard let link = try PrivateFile.read("\(path)/link.json") else { return nil }
        guard let key = try HostKey.read("\(path)/key.pem"), let certificate = try text("certificate.pem"),
            let authority = try text("authority.pem"), let json = try? JSONValue.parse(link),
            let record = LinkRecord(
                json: json, key: key, certificate: try HostCertificate(pem: certificate),
                authority: try TrustedAuthority(pem: authority)), record.certificate.publicKey.der == key.publicKey
        else { throw IdentityProblem("\(path) is not whole: join again") }
        return record
    }

    /// The key to join with. It is created if there is none. A host that has joined before gets a new one, since two
    /// hosts may have the old one. If the reply to a join request was lost, the next request uses the same key again.
    func keyToJoin() async throws(LinkProblem) -> HostKey {
        guard case .directory(let path) = self else { return HostKey() }
        do {
            return try await Threads.offload { () throws(IdentityProblem) in
                do throws(SystemError) {
                    _ = try HeldDirectory.open(SystemPath(path), creating: true)
                } catch {
                    throw IdentityProblem("\(path) cannot be made: \(error)")
                }
                let hasJoined = try PrivateFile.read("\(path)/link.json") != nil
                return try HostKey.inFile("\(path)/\(hasJoined ? "key.next.pem" : "key.pem")")
            }
        } catch {
            throw .local(error.description)
        }
    }

    /// Saves the state of the sync sequence durably.
    package func save(_ record: LinkRecord) async throws(LinkProblem) {
        try await write { path throws(IdentityProblem) in
            try PrivateFile.replace("\(path)/link.json", record.json.encode())
        }
    }

    /// Saves everything: also the key and the certificates, after joining or renewing.
    package func saveAll(_ record: LinkRecord) async throws(LinkProblem) {
        try await write { path throws(IdentityProblem) in
            try PrivateFile.replace("\(path)/key.pem", Array(record.key.pem.value.utf8))
            try PrivateFile.replace("\(path)/authority.pem", Array(record.authority.pem.utf8))
            try PrivateFile.replace("\(path)/certificate.pem", Array(record.certificate.pem.utf8))
            try PrivateFile.replace("\(path)/link.json", record.json.encode())
            PrivateFile.remove("\(path)/key.next.pem")
        }
    }

    private func write(
        _ body: @escaping @Sendable (String) throws(IdentityProblem) -> Void
    ) async throws(LinkProblem) {
        guard case .directory(let path) = self else { return }
        do { try await Threads.offload { () throws(IdentityProblem) in try body(path) } } catch {
            throw .local(error.description)
        }
    }
}
