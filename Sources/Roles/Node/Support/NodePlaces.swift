import Delivery
import Jobs

/// Where things lie on this node: `NodePaths`, and what depends on the machine's file systems.
struct NodePlaces: Sendable {
    let paths: NodePaths
    let role: NodeRole
    let machine: MachineType
    /// Whether content gathers below BASE: DATA lies on another file system, and a rename is what publishes.
    let gathersUnderBase: Bool

    init(_ configuration: NodeConfiguration) {
        paths = NodePaths(configuration)
        role = configuration.role
        machine = configuration.machineType
        // A mounted bucket has no rename to offer: content gathers beside it and is copied.
        gathersUnderBase =
            machine == .local && role != .cacher
            && !NodeFiles.areOnOneDevice(configuration.dataPath + "/transfer", configuration.baseDataPath)
    }

    /// What is removed with all that is in it lies below this.
    var staging: OwnTree {
        gathersUnderBase ? OwnTree(path: paths.base + "/.swoop") : OwnTree(path: paths.data + "/transfer")
    }

    /// Where content lies while it comes; on a cacher also as long as it is served.
    /// - Parameter isShare: what a cacher fetches is BitTorrent's share alone.
    func incoming(_ task: TaskFile) -> String {
        gathersUnderBase
            ? paths.stagingUnderBase(task.subdirectory, task.name)
            : paths.staging(task.subdirectory, task.name, isShare: task.needsTmpTorrent)
    }

    /// The directory of a task's own records: torrents, how far its transfers are, what was checked.
    func work(_ task: TaskFile) -> String {
        let incoming =
            gathersUnderBase
            ? paths.stagingUnderBase(task.subdirectory, task.name) : paths.staging(task.subdirectory, task.name)
        let slash = incoming.lastIndex(of: "/") ?? incoming.startIndex
        return "\(incoming[..<slash])/.\(task.name).work"
    }

    /// All places of a task.
    func job(_ task: TaskFile) -> JobPlaces {
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
