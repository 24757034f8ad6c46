import Files
import Fleet
import Jobs
import Metainfo
import Threads

/// The paths of a job's content on this host.
struct TargetPlaces: Sendable {
    /// The agent's directory below the root, on the same file system as the destination.
    let staging: String
    /// The path at which the content is received.
    let incoming: String
    let work: String
    /// The path to which the Jobs module moves the complete content; nil for a cache.
    let final: String?
    /// The path of the published content, which hooks get in `SWOOP_PATH`.
    let visible: String?
    /// With `publish: versions`: the directory of all versions, and the name of this job's there.
    private let version: (destination: String, releases: String, name: String)?
    /// Whether the job had published its content.
    let wasVisible: Bool

    /// - Parameter isSingleFile: whether the content is a single file, not a directory.
    init(_ record: TargetRecord, publish: FleetClass.Publish, isSingleFile: Bool) {
        wasVisible = record.life.isVisible
        staging = "\(record.root)/\(AgentPolicy.stagingName)"
        let own = "\(staging)/\(record.job)"
        incoming = Self.incoming(of: record.job, below: record.root)
        work = "\(own)/work"
        guard let destination = record.destination else {
            (final, visible, version) = (nil, nil, nil)
            return
        }
        switch publish {
        case .replace:
            version = nil
            final = "\(destination)/\(record.offer.name)"
            visible = final
        case .versions:
            let releases = "\(destination)/releases"
            // A rollback's is that of another job.
            version = record.restores == nil ? (destination, releases, record.job) : nil
            let path = "\(releases)/\(record.restores ?? record.job)"
            final = isSingleFile ? "\(path)/\(record.offer.name)" : path
            visible = "\(destination)/current" + (isSingleFile ? "/\(record.offer.name)" : "")
        }
    }

    static func incoming(of job: String, below root: String) -> String {
        "\(root)/\(AgentPolicy.stagingName)/\(job)/content"
    }

    var job: JobPlaces {
        JobPlaces(
            incoming: incoming, work: work, final: final.map { .init(path: $0, marker: nil, kind: .local) },
            staging: OwnTree(path: staging))
    }

    /// Where complete content is that is not published: a version is in its final place already.
    var complete: String { version.flatMap { _ in final } ?? incoming }

    /// Whether such content is there. Blocks.
    var isComplete: Bool {
        guard let version else { return PathFiles.status(incoming) != nil }
        return PathFiles.status("\(version.releases)/\(version.name)")?.kind == .directory
    }

    /// Whether ``discard(keepsVersion:_:)`` has something to delete. Blocks.
    func isAnythingLeft(keepsVersion: Bool) -> Bool {
        if let slash = incoming.lastIndex(of: "/"), PathFiles.status(String(incoming[..<slash])) != nil { return true }
        if job.publication?.hasPartial == true { return true }
        return version != nil && !keepsVersion && isComplete
    }

    /// Deletes content that is not published, and what a publication of it has left that will not be finished.
    /// - Parameter keepsVersion: whether the job's version is or was the current one.
    func discard(keepsVersion: Bool, _ publications: Turns) async {
        await discardCopies(publications)
        await Threads.offload { remove(keepsVersion: keepsVersion) }
    }

    /// Deletes what a publication has left beside the final place that will not be finished. Does not wait for the publication of
    /// another job: what was not deleted when the agent ended is deleted at its next start.
    func discardCopies(_ publications: Turns) async { await job.publication?.discardPartial(inTurn: publications) }

    private func remove(keepsVersion: Bool) {
        let tree = OwnTree(path: staging)
        tree.remove(incoming)
        tree.remove(work)
        if let slash = incoming.lastIndex(of: "/") { tree.remove(String(incoming[..<slash])) }
        if let version, !keepsVersion, PublishedPlaces.current(version.destination) != version.name {
            let releases = OwnTree(path: version.releases)
            releases.remove("\(version.releases)/\(version.name)")
        }
    }

    /// Whether the existing part of a path, with all symbolic links resolved, lies in a root.
    static func isInside(_ path: String, root: String) -> Bool {
        guard let root = PathFiles.resolved(root) else { return false }
        var path = path
        while PathFiles.status(path) == nil {
            guard let slash = path.lastIndex(of: "/"), slash != path.startIndex else { return false }
            path = String(path[..<slash])
        }
        guard let real = PathFiles.resolved(path) else { return false }
        return real == root || AbsolutePath.isBelow(real, root)
    }

}
