import Hashing

/// Rendezvous hashing (highest random weight): all hosts rank the hosts of a list for a key in the same way, without talking
/// to each other. A host that joins or leaves moves only the keys that it wins or loses.
package enum Rendezvous {
    /// The hosts by rank for a key, first in rank first: by descending SHA-256 of the host's name, a zero byte and the key.
    /// A host that is in the list twice counts once.
    package static func order(_ hosts: [String], for key: [UInt8]) -> [String] {
        Set(hosts).map { host in (host, SHA256.digest(Array(host.utf8) + [0] + key)) }
            .sorted { $1.1 < $0.1 }.map(\.0)
    }

    /// The owners of a blob: the first `count` hosts of ``order(_:for:)`` for the 32 bytes of its digest.
    package static func owners(of digest: BlobDigest, among hosts: [String], count: Int) -> [String] {
        Array(order(hosts, for: digest.sha256.bytes).prefix(max(0, count)))
    }
}
