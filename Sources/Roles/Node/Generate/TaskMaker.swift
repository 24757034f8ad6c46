import BFT
import Jobs
import Logging

/// Makes tasks, one at a time for a torrent, and knows why the last one of each torrent failed.
actor TaskMaker {
    enum Made: Sendable {
        case done(TaskFile)
        /// Content is being read. The task is nil where it could not be made.
        case begun(GeneratePlan, Task<TaskFile?, Never>)
    }

    enum State: Sendable {
        case idle
        case making
        case failed(String)
    }

    /// By torrent path.
    private var making: [String: Task<Void, Never>] = [:]
    private var failures: [String: String] = [:]
    /// Contents that are read now, and those that wait for that.
    private var readings = 0
    private var waiting: [CheckedContinuation<Void, Never>] = []
    private var isStopped = false

    /// Contents read at a time. Each reading uses every processor, with memory for each; more would only share disk and
    /// processors.
    static let mostReadings = 2

    func state(ofTorrent path: String) -> State {
        if making[path] != nil { return .making }
        return failures[path].map { .failed($0) } ?? .idle
    }

    /// Makes a task: at once if everything is known, else in the background.
    func make(_ request: GenerateRequest, in context: NodeContext) async throws(GenerateFailure) -> Made {
        let torrentPath = context.paths.torrent(ofContent: request.contentPath)
        guard making[torrentPath] == nil else {
            throw GenerateFailure(GenerationFailureText.sameTorrent(torrentPath))
        }
        // Reserves the content during planning.
        making[torrentPath] = Task {}
        failures[torrentPath] = nil
        // There is no task file until the new one is written.
        try? TaskRoots(context.configuration).outputSite(request.taskPath).remove()
        let generator = Generator(
            configuration: context.configuration, library: context.library, clock: context.clock)
        do throws(GenerateFailure) {
            let plan = try await generator.plan(request)
            if plan.needsNoReading {
                let task = try await generator.run(plan)
                making[torrentPath] = nil
                context.metrics.add(to: .tasksGenerated)
                return .done(task)
            }
            let job = read(plan, generator, context)
            making[torrentPath] = Task {
                await withTaskCancellationHandler {
                    _ = await job.value
                } onCancel: {
                    job.cancel()
                }
            }
            return .begun(plan, job)
        } catch {
            making[torrentPath] = nil
            failures[torrentPath] = error.description
            throw error
        }
    }

    /// Reads a content now, or when its turn comes. One that waits keeps no list of its files, which is made anew then.
    private func read(
        _ plan: GeneratePlan, _ generator: Generator, _ context: NodeContext
    ) -> Task<TaskFile?, Never> {
        let (request, torrentPath) = (plan.request, plan.torrentPath)
        guard readings >= Self.mostReadings else {
            readings += 1
            return Task {
                await self.run(request, torrentPath, context) { () throws(GenerateFailure) in
                    try await generator.run(plan)
                }
            }
        }
        return Task {
            await self.enter()
            return await self.run(request, torrentPath, context) { () throws(GenerateFailure) in
                try await generator.run(try await generator.plan(request))
            }
        }
    }

    private func enter() async {
        if readings < Self.mostReadings || isStopped {
            readings += 1
            return
        }
        // Whoever leaves hands the turn over.
        await withCheckedContinuation { waiting.append($0) }
    }

    private func leave() {
        if waiting.isEmpty { readings -= 1 } else { waiting.removeFirst().resume() }
    }

    /// - Parameter make: called in the turn that the caller has, which ends with this.
    private func run(
        _ request: GenerateRequest, _ torrentPath: String, _ context: NodeContext,
        _ make: @Sendable () async throws(GenerateFailure) -> TaskFile
    ) async -> TaskFile? {
        defer {
            making[torrentPath] = nil
            leave()
        }
        if isStopped { return nil }
        do throws(GenerateFailure) {
            let task = try await make()
            context.metrics.add(to: .tasksGenerated)
            context.log(.info, "task made", task: task.fileName, ["bytes": "\(task.totalSize)"])
            return task
        } catch {
            failures[torrentPath] = error.description
            context.logger.error(
                "task cannot be made", metadata: ["content": "\(request.contentPath)", "reason": "\(error)"])
            return nil
        }
    }

    /// Cancels what is being made, and waits for its end.
    func stop() async {
        isStopped = true
        for task in making.values { task.cancel() }
        for task in making.values { await task.value }
    }
}
