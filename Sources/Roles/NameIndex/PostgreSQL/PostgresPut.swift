import Postgres
import Registry

/// Puts a tag or a manifest under a name, in one transaction.
struct PostgresPut: Sendable {
    let name: ContentName
    let expecting: Expectation
    let act: Act
    let rules: TagRules
    let remotes: Remotes

    /// - Parameter linking: whether the blob is added to the name if the tag is put.
    func run(
        _ tag: Tag, digest: BlobDigest, linking: Bool, in connection: PostgresConnection
    ) throws(PostgresError) -> Ended<TagPutOutcome> {
        let known = try PostgresNames.id(of: name, in: connection)
        if known == nil, !linking { return Ended(expecting.refuses(nil) ? .moved(nil) : .unknown, commits: false) }
        let id = try PostgresNames.makeID(of: name, in: connection)
        try PostgresNames.share(id, in: connection)
        let state = try PostgresTags.lock(tag, id, in: connection)
        let outcome = rules.outcome(
            name, tag, digest, present: state.present, former: state.former, expecting: expecting)
        guard outcome == .put else { return Ended(outcome, commits: false) }
        if linking {
            try PostgresDigests.link([digest], id, at: act.at, in: connection)
        } else if try !PostgresManifests.has(digest, id, in: connection),
            try PostgresDigests.linked([digest], id, in: connection).isEmpty
        {
            return Ended(.unknown, commits: false)
        }
        try PostgresTags.set(tag, id, to: digest, by: act, in: connection)
        try PostgresReplications.add(
            tag, of: name, digest, via: act.via, to: remotes.matching(name, tag), due: act.at, in: connection)
        return Ended(.put)
    }

    func run(
        _ manifest: Manifest, tags: [Tag], in connection: PostgresConnection
    ) throws(PostgresError) -> Ended<ManifestPutOutcome> {
        let id = try PostgresNames.makeID(of: name, in: connection)
        try PostgresNames.share(id, in: connection)
        var toSet: [Tag] = []
        // Tags are locked in order, so that two transactions cannot deadlock.
        for tag in Set(tags).sorted() {
            let state = try PostgresTags.lock(tag, id, in: connection)
            switch rules.outcome(
                name, tag, manifest.digest, present: state.present, former: state.former, expecting: expecting)
            {
            case .taken(let digest): return Ended(.taken(tag, digest), commits: false)
            case .moved(let digest): return Ended(.moved(tag, digest), commits: false)
            case .put: toSet.append(tag)
            case .same, .unknown: break
            }
        }
        let blobs = manifest.neededBlobs.map(\.digest)
        let manifests = manifest.neededManifests.map(\.digest)
        let linked = try PostgresDigests.linked(blobs, id, in: connection)
        let there = try PostgresDigests.manifests(manifests, id, in: connection)
        let missing = blobs.filter { !linked.contains($0) } + manifests.filter { !there.contains($0) }
        guard missing.isEmpty else { return Ended(.missing(missing), commits: false) }
        try PostgresDigests.touch(manifest.needs, id, at: act.at, in: connection)
        try PostgresManifests.store(manifest, id, at: act.at, in: connection)
        for tag in toSet {
            try PostgresTags.set(tag, id, to: manifest.digest, by: act, in: connection)
            try PostgresReplications.add(
                tag, of: name, manifest.digest, via: act.via, to: remotes.matching(name, tag), due: act.at,
                in: connection)
        }
        return Ended(.stored)
    }
}
