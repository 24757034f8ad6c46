import Database
import Registry

/// Puts a tag or a manifest under a name, in one transaction.
struct SQLitePut: Sendable {
    let name: ContentName
    let expecting: Expectation
    let act: Act
    let rules: TagRules
    let remotes: Remotes

    /// - Parameter linking: whether the blob is added to the name if the tag is put.
    func run(_ tag: Tag, digest: BlobDigest, linking: Bool, in connection: SQLConnection) throws -> TagPutOutcome {
        let remotes = remotes.matching(name, tag)
        let known = try NameTable.id(of: name, in: connection)
        let state = try known.map { try TagTable.state(of: tag, $0, in: connection) }
        let outcome = rules.outcome(
            name, tag, digest, present: state?.present, former: state?.former, expecting: expecting)
        guard outcome == .put else { return outcome }
        if linking {
            let id = try known ?? NameTable.makeID(of: name, in: connection)
            try BlobTable.link(digest, id, at: act.at, in: connection)
            try TagTable.set(tag, id, to: digest, by: act, in: connection)
            try ReplicationTable.add(
                tag, of: name, digest, via: act.via, to: remotes, due: act.at, in: connection)
            return .put
        }
        guard let id = known else { return .unknown }
        let isManifest = try ManifestTable.has(digest, id, in: connection)
        guard try isManifest || BlobTable.has(digest, id, in: connection) else { return .unknown }
        try TagTable.set(tag, id, to: digest, by: act, in: connection)
        try ReplicationTable.add(tag, of: name, digest, via: act.via, to: remotes, due: act.at, in: connection)
        return .put
    }

    func run(_ manifest: Manifest, tags: [Tag], in connection: SQLConnection) throws -> ManifestPutOutcome {
        let known = try NameTable.id(of: name, in: connection)
        var toSet: [Tag] = []
        for tag in tags {
            let state = try known.map { try TagTable.state(of: tag, $0, in: connection) }
            switch rules.outcome(
                name, tag, manifest.digest, present: state?.present, former: state?.former, expecting: expecting)
            {
            case .taken(let digest): return .taken(tag, digest)
            case .moved(let digest): return .moved(tag, digest)
            case .put: toSet.append(tag)
            case .same, .unknown: break
            }
        }
        // An unknown name has none of the blobs and manifests that are needed.
        let missing = try known.map { try Self.missing(for: manifest, $0, in: connection) } ?? manifest.needs
        guard missing.isEmpty else { return .missing(missing) }
        let id = try known ?? NameTable.makeID(of: name, in: connection)
        for digest in manifest.neededBlobs.map(\.digest) {
            try BlobTable.touch(digest, id, at: act.at, in: connection)
        }
        for digest in manifest.neededManifests.map(\.digest) {
            try ManifestTable.touch(digest, id, at: act.at, in: connection)
        }
        try ManifestTable.store(manifest, id, at: act.at, in: connection)
        for tag in toSet {
            try TagTable.set(tag, id, to: manifest.digest, by: act, in: connection)
            try ReplicationTable.add(
                tag, of: name, manifest.digest, via: act.via, to: remotes.matching(name, tag), due: act.at,
                in: connection)
        }
        return .stored
    }

    private static func missing(
        for manifest: Manifest, _ id: Int64, in connection: SQLConnection
    ) throws -> [BlobDigest] {
        try manifest.neededBlobs.map(\.digest).filter { try !BlobTable.has($0, id, in: connection) }
            + manifest.neededManifests.map(\.digest).filter { try !ManifestTable.has($0, id, in: connection) }
    }
}
