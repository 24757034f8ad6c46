import Hashing

/// Rendezvous hashing: which hosts of a list take care of something, agreed without a word between them. A host that comes
/// or goes moves only what it wins or loses.
package enum Rendezvous {
    /// The hosts by rank for a key, the first in rank first: by falling SHA-256 of the host's name, a zero byte and the key.
    /// A host that stands in the list twice counts once.
    package static func order(_ hosts: [String], for key: [UInt8]) -> [String] {
        Set(hosts).map { host in (host, SHA256.digest(Array(host.utf8) + [0] + key)) }
            .sorted { $1.1 < $0.1 }.map(\.0)
    }

    /// The owners of a blob: the first `count` of ``order(_:for:)`` for its 32 bytes.
    package static func owners(of digest: BlobDigest, among hosts: [String], count: Int) -> [String] {
        Array(order(hosts, for: digest.sha256.bytes).prefix(max(0, count)))
    }
}
