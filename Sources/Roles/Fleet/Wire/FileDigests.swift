import Hashing
import JSON

/// `PUT /agent/v1/jobs/ID/digests`, by the sender: the SHA-1 of each file of a job, by which targets find what lies with them already.
/// Targets GET it from there. Integrity does not depend on it: what is copied is held against it, and all pieces against the torrent.
package struct FileDigests: WireMessage {
    /// Files of a job whose digests are given; of more nothing is copied.
    package static let mostFiles = 200_000
    package static let most = 16 << 20
    package static let limits = JSONLimits(maxBytes: most, maxDepth: 8, maxValues: mostFiles + 100)

    /// Of each file, in the torrent's order, without padding.
    package let sha1: [SHA1Digest]

    package init(sha1: [SHA1Digest]) { self.sha1 = sha1 }

    package init(_ reader: WireReader) throws(WireProblem) {
        sha1 = try reader.list("sha1", most: Self.mostFiles) { value throws(WireProblem) in
            guard let digest = value.stringValue.flatMap({ SHA1Digest(hex: $0) }) else {
                throw WireProblem("sha1", "has an element that is no SHA-1")
            }
            return digest
        }
    }

    package var json: JSONValue { ["sha1": .array(sha1.map { .string($0.hex) })] }
}
