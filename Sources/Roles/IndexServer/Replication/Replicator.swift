import HTTPTransport
import Logging
import NameIndex
import Registry
import RegistryClient
import Text
import Threads

/// Replicates tags to other registries, a few at a time to each. A task ends when the registry has the tag, or has
/// refused to move its own tag of that name.
package actor Replicator {
    private let store: any TagStore
    private let blobs: any ReplicaBlobs
    private let credential: RegistryCredential?
    private let settings: HTTPTransportSettings
    private let backoff: Backoff
    private let logger: Logger
    private var loops: [Task<Void, Never>] = []
    private var clients: [RegistryClient] = []
    private var conflicts = 0

    /// Tags replicated to one registry at a time.
    private static let mostAtOnce = 4
    /// Milliseconds for which a task belongs to the index that took it. The index renews the lease every `renewal`.
    private static let lease: Int64 = 120_000
    private static let renewal = Duration.seconds(40)
    /// Time between two looks for tasks, if there are none.
    private static let pause = Duration.milliseconds(500)

    /// - Parameters:
    ///   - store: holds the tasks, and the URLs of the remotes.
    ///   - credential: for all remotes; nil if they need none.
    package init(
        _ store: any TagStore, blobs: any ReplicaBlobs, credential: RegistryCredential?,
        settings: HTTPTransportSettings = HTTPTransportSettings(), backoff: Backoff = Backoff(), logger: Logger
    ) {
        self.store = store
        self.blobs = blobs
        self.credential = credential
        self.settings = settings
        self.backoff = backoff
        self.logger = logger
    }

    /// Begins to work: releases the tasks that an earlier process had taken, as soon as the store lets it, and then takes
    /// tasks.
    package func start() {
        guard !store.remotes.isEmpty else { return }
        let released = Task { await self.release() }
        loops.append(released)
        for remote in store.remotes.urls {
            guard let url = HTTPURL(remote) else {
                logger.error("this is no URL of a registry", metadata: ["remote": "\(remote)"])
                continue
            }
            var options = RegistryClient.Options()
            options.tries = 2
            let client = RegistryClient(base: url, credential: credential, options: options, settings: settings)
            clients.append(client)
            loops.append(
                Task {
                    await released.value
                    await self.serve(remote, client)
                })
        }
    }

    private func release() async {
        var failures = 0
        while !Task.isCancelled {
            do throws(TagStoreError) { return try await store.releaseReplications(now: Self.now) } catch {
                failures += 1
                if failures == 1 {
                    logger.warning(
                        "the store does not answer: nothing is replicated before it does",
                        metadata: ["reason": "\(error)"])
                }
            }
            try? await Task.sleep(for: .seconds(backoff.pause(afterFailures: failures)))
        }
    }

    package func stop() async {
        for loop in loops { loop.cancel() }
        for loop in loops { await loop.value }
        for client in clients { await client.shutdown() }
    }

    package func figures() async -> IndexMetrics.Replication {
        IndexMetrics.Replication(tasks: (try? await store.countReplications()) ?? 0, conflicts: conflicts)
    }

    private static var now: Int64 { Clocks.wallMilliseconds }

    // MARK: One registry

    private func serve(_ remote: String, _ client: RegistryClient) async {
        /// Failures of the registry as a whole, in a row.
        var failures = 0
        while !Task.isCancelled {
            let now = Self.now
            let tasks =
                (try? await store.takeReplications(
                    to: remote, now: now, lease: now + Self.lease, limit: failures > 0 ? 1 : Self.mostAtOnce)) ?? []
            guard !tasks.isEmpty else {
                try? await Task.sleep(for: Self.pause)
                continue
            }
            let outcomes = await Self.run(tasks, store, blobs, client)
            var isSilent = false
            for (task, outcome) in outcomes {
                if await ended(task, outcome) { isSilent = true }
            }
            guard isSilent, !Task.isCancelled else {
                failures = 0
                continue
            }
            failures += 1
            if failures == 1 {
                logger.warning(
                    "a registry does not take tags: they wait here until it does", metadata: ["remote": "\(remote)"])
            }
            try? await Task.sleep(for: .seconds(backoff.pause(afterFailures: failures)))
        }
    }

    private static func run(
        _ tasks: [ReplicationTask], _ store: any TagStore, _ blobs: any ReplicaBlobs, _ client: RegistryClient
    ) async -> [(ReplicationTask, TagCopy.Outcome)] {
        await withTaskGroup(of: (ReplicationTask, TagCopy.Outcome).self) { group in
            for task in tasks {
                group.addTask {
                    let copy = TagCopy(store: store, blobs: blobs, client: client, task: task)
                    return (task, await holding(task, store) { await copy.run() })
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
    }

    /// Renews the task's lease while the body runs, so that no other index takes the task.
    private static func holding(
        _ task: ReplicationTask, _ store: any TagStore, _ body: @escaping @Sendable () async -> TagCopy.Outcome
    ) async -> TagCopy.Outcome {
        let holder = Task {
            while !Task.isCancelled {
                try? await Task.sleep(for: renewal)
                if Task.isCancelled { return }
                try? await store.postponeReplication(
                    task, to: now + lease, failures: task.failures, problem: task.problem)
            }
        }
        defer { holder.cancel() }
        return await body()
    }

    /// Stores the outcome of a task.
    /// - Returns: whether the failure is one of the whole registry, which needs a pause.
    private func ended(_ task: ReplicationTask, _ outcome: TagCopy.Outcome) async -> Bool {
        switch outcome {
        case .done:
            try? await store.endReplication(task)
            return false
        case .overtaken:
            try? await store.endReplication(task)
            // Another index may have replicated the newer digest already, and this task has then overwritten it.
            _ = try? await store.replicate(task.tag, of: task.name, at: Self.now)
            return false
        case .conflict(let text):
            logger.warning(
                "a tag is another one at a remote, and stays so",
                metadata: ["remote": "\(task.remote)", "tag": "\(task.name):\(task.tag)", "reason": "\(text)"])
            try? await store.postponeReplication(task, to: nil, failures: task.failures + 1, problem: text)
            conflicts += 1
            return false
        case .failed(.cancelled):
            // This process ends: the task is as it was before.
            try? await store.postponeReplication(
                task, to: Self.now, failures: task.failures, problem: task.problem)
            return false
        case .failed(let error):
            let failures = task.failures + 1
            // If the whole registry does not answer, the loop pauses for all its tasks. The task itself stays due.
            let pause = error.isPassing ? 0 : backoff.pause(afterFailures: failures)
            let problem = String(
                ([error.description] + [error.cause].compactMap(\.self)).joined(separator: ": ").prefix(500))
            try? await store.postponeReplication(
                task, to: Self.now + Int64(pause * 1000), failures: failures, problem: problem)
            return error.isPassing
        }
    }
}
