import Files
import Fleet
import Jobs
import Metainfo

/// Where the content of a job lies on this host, at each moment of its life.
struct TargetPlaces: Sendable, Hashable {
    /// A directory of the agent, in the file system of the root.
    let staging: String
    /// Where the content gathers.
    let incoming: String
    let work: String
    /// Where the Jobs layer puts it; nil for a cache.
    let final: String?
    /// What hooks are told.
    let visible: String?

    /// - Parameter isSingleFile: whether the content is one file and no directory.
    init(_ record: TargetRecord, publish: FleetClass.Publish, isSingleFile: Bool) {
        staging = "\(record.root)/\(AgentPolicy.stagingName)"
        let own = "\(staging)/\(record.job)"
        incoming = "\(own)/content"
        work = "\(own)/work"
        guard let destination = record.destination else {
            (final, visible) = (nil, nil)
            return
        }
        switch publish {
        case .replace:
            final = "\(destination)/\(record.offer.name)"
            visible = final
        case .versions:
            let version = "\(destination)/releases/\(record.restores ?? record.job)"
            final = isSingleFile ? "\(version)/\(record.offer.name)" : version
            visible = "\(destination)/current" + (isSingleFile ? "/\(record.offer.name)" : "")
        }
    }

    var job: JobPlaces {
        JobPlaces(
            incoming: incoming, work: work, final: final.map { .init(path: $0, marker: nil, kind: .local) },
            staging: OwnTree(path: staging))
    }

    /// Removes what is not visible.
    func discard() {
        let tree = OwnTree(path: staging)
        tree.remove(incoming)
        tree.remove(work)
        if let slash = incoming.lastIndex(of: "/") { tree.remove(String(incoming[..<slash])) }
    }

    /// Whether a path, as far as it exists, lies below a root when no link is in it.
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
