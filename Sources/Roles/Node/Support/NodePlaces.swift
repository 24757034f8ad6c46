import BFT
import Jobs

/// Paths on this node: `NodePaths`, and what depends on its file systems.
package struct NodePlaces: Sendable {
    let paths: NodePaths
    let role: NodeRole
    let machine: MachineType
    /// Whether incomplete content is kept below BASE: DATA is on another file system, and publication is a rename.
    let gathersUnderBase: Bool

    init(_ configuration: NodeConfiguration) {
        paths = NodePaths(configuration)
        role = configuration.role
        machine = configuration.machineType
        // A mounted bucket has no rename: content is assembled elsewhere and copied.
        gathersUnderBase =
            machine == .local && role != .cacher
            && !PathFiles.areOnOneDevice(configuration.dataPath + "/transfer", configuration.baseDataPath)
    }

    /// Directory trees are removed only below this path.
    var staging: OwnTree {
        gathersUnderBase ? OwnTree(path: paths.base + "/.swoop") : OwnTree(path: paths.data + "/transfer")
    }

    /// Path of incomplete content; on a cacher also while it is seeded.
    /// - Parameter isShare: whether only BitTorrent's share is fetched, as on a cacher.
    func incoming(_ task: TaskFile) -> String {
        gathersUnderBase
            ? paths.stagingUnderBase(task.subdirectory, task.name)
            : paths.staging(task.subdirectory, task.name, isShare: task.needsTmpTorrent)
    }

    /// The directory of a task's own records: torrents, progress of its transfers, verified files.
    func work(_ task: TaskFile) -> String {
        let incoming =
            gathersUnderBase
            ? paths.stagingUnderBase(task.subdirectory, task.name) : paths.staging(task.subdirectory, task.name)
        let slash = incoming.lastIndex(of: "/") ?? incoming.startIndex
        return "\(incoming[..<slash])/.\(task.name).work"
    }

    /// All places of a task.
    package func job(_ task: TaskFile) -> JobPlaces {
        let final = final(task).flatMap { path in
            marker(task).map {
                JobPlaces.Final(path: path, marker: $0, kind: machine == .hwecs ? .mountedBucket : .local)
            }
        }
        return JobPlaces(incoming: incoming(task), work: work(task), final: final, staging: staging)
    }

    func final(_ task: TaskFile) -> String? { paths.stored(task.subdirectory, task.name) }
    func marker(_ task: TaskFile) -> String? { paths.finishedMarker(task.subdirectory, task.name) }
}
