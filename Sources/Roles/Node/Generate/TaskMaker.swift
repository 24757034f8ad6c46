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
            let job = Task { await self.run(plan, generator, context) }
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

    private func run(_ plan: GeneratePlan, _ generator: Generator, _ context: NodeContext) async -> TaskFile? {
        defer { making[plan.torrentPath] = nil }
        do throws(GenerateFailure) {
            let task = try await generator.run(plan)
            context.metrics.add(to: .tasksGenerated)
            context.log(.info, "task made", task: task.fileName, ["bytes": "\(task.totalSize)"])
            return task
        } catch {
            failures[plan.torrentPath] = error.description
            context.logger.error(
                "task cannot be made", metadata: ["content": "\(plan.request.contentPath)", "reason": "\(error)"])
            return nil
        }
    }

    /// Cancels what is being made, and waits for its end.
    func stop() async {
        for task in making.values { task.cancel() }
        for task in making.values { await task.value }
    }
}
