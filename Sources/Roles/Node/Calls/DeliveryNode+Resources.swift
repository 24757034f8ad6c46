import Glibc
import Jobs
import Policy
import Threads

// The data for the API's resources.
extension DeliveryNode {
    /// A task in one of the state directories.
    package struct KnownTask: Sendable, Hashable {
        /// `SUBDIR-NAME.task.json`.
        package let name: String
        package let side: TaskSide
        package let state: TaskState
        /// Current path of the task file.
        package let path: String
    }

    /// All tasks of this node.
    package func tasks() async -> [KnownTask] {
        let directories = context.directories
        return await Threads.offload {
            TaskSide.allCases.flatMap { side in
                TaskState.all(of: side).filter { $0 != .tmp }.flatMap { state in
                    directories.list(side, state).map {
                        KnownTask(name: $0, side: side, state: state, path: directories.path(side, state, $0))
                    }
                }
            }
        }
    }

    /// The tasks with this name. Looks it up in each directory, regardless of the number of other tasks.
    package func tasks(named name: String) async -> [KnownTask] {
        guard TaskDirectories.isTaskName(name) else { return [] }
        let directories = context.directories
        return await Threads.offload {
            TaskSide.allCases.flatMap { side in
                TaskState.all(of: side).filter { $0 != .tmp && directories.contains(side, $0, name) }.map {
                    KnownTask(name: name, side: side, state: $0, path: directories.path(side, $0, name))
                }
            }
        }
    }

    /// The jobs that are fetched or served now, by name.
    package func jobs() -> [JobStatus] { receivers.values.map(\.status).sorted { $0.name < $1.name } }

    /// One of them; nil for a task that waits, has ended or is not known.
    package func job(named name: String) -> JobStatus? { receivers[name]?.status }

    /// What lies on this host; nil where the node keeps no library.
    package var library: (any ContentLibrary)? { context.library is NoLibrary ? nil : context.library }

    /// Returns when the library of hashes has hashed and written all that it has seen.
    package func libraryIsCurrent() async {
        await (context.library as? LibraryBridge)?.library.waitUntilCurrent()
    }

    /// A task file that receivers may take: one that has been uploaded. Nil when there is none of that name.
    package func taskFile(named name: String) async -> [UInt8]? {
        let directories = context.directories
        return await Threads.offload {
            guard let state = directories.locate(.sender, name, in: [.uploaded, .history]) else { return nil }
            return try? directories.read(.sender, state, name)
        }
    }

    /// Values for `/metrics`.
    package func metrics() async -> [NodeMetrics.Sample] {
        var samples = context.metrics.samples
        let known = await tasks()
        for side in TaskSide.allCases {
            for state in TaskState.all(of: side) where state != .tmp {
                samples.append(
                    NodeMetrics.Sample(
                        "swoop_node_tasks", help: "Tasks by the directory that they are in.", isCounter: false,
                        labels: ["side", side.rawValue, "state", state.rawValue],
                        value: Double(known.count { $0.side == side && $0.state == state })))
            }
        }
        let statuses = receivers.values.map(\.status)
        for method in DeliveryMethod.allCases {
            samples.append(
                NodeMetrics.Sample(
                    "swoop_node_download_bytes_per_second", help: "Rate of the deliveries under way.", isCounter: false,
                    labels: ["method", method.rawValue], value: statuses.reduce(0) { $0 + $1.rates[method] }))
        }
        for (name, receiver) in receivers.sorted(by: { $0.key < $1.key }) {
            guard let efficiency = receiver.status.efficiency, let ratio = efficiency.ratio else { continue }
            samples.append(
                NodeMetrics.Sample(
                    "swoop_node_delivery_efficiency_ratio",
                    help: "What a delivery by peers achieves of what the known limits allow, and which limit holds it.",
                    isCounter: false, labels: ["task", name, "limit", efficiency.limit?.rawValue ?? "unknown"],
                    value: ratio))
        }
        return samples
    }

    /// Why the node cannot work; nil if it can.
    package func trouble() async -> String? {
        let directories = context.directories
        return await Threads.offload {
            for side in TaskSide.allCases {
                for state in TaskState.all(of: side) {
                    let path = directories.directory(side, state)
                    if access(path, R_OK | W_OK | X_OK) != 0 { return "\(path) cannot be written to" }
                }
            }
            return nil
        }
    }
}
