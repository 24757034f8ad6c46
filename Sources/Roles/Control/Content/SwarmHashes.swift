import Fleet
import Hashing
import Metainfo
import Text

/// Under which info hashes the peers of a job announce. Pure.
package enum SwarmHashes {
    /// The 20-byte info hashes under which the content's peers announce: one keyed hash if there is a secret, else the
    /// hashes of the torrent.
    package static func of(_ content: JobContent?, secret: Secret?) -> [SHA1Digest] {
        // A v2 info hash is truncated to 20 bytes (BEP 52). A hybrid torrent is identified by its v1 hash.
        let hashes = (content?.infoHashes ?? []).sorted { $0.utf8.count < $1.utf8.count }
            .compactMap { SHA1Digest(hex: $0.prefix(40)) }
        guard let secret, let primary = hashes.first else { return hashes }
        guard let key = Hexadecimal.decode(secret.value, byteCount: secret.value.utf8.count / 2) else { return [] }
        return [SwarmSecret(bytes: key).wireHash(of: primary)]
    }
}
