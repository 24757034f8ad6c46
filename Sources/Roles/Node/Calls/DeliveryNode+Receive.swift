import BFT
import Jobs
import Threads

// The API calls of a receiving node.
extension DeliveryNode {
    package func recv(_ request: APIRequest) async -> APIReply {
        let path = request.text("taskfile") ?? ""
        let reactive: Bool
        switch request.flag("reactive") {
        case .missing: reactive = false
        case .value(let value): reactive = value
        case .invalid: return .failure(SendFailureText.reactiveInvalid)
        }
        let (roots, directories) = (TaskRoots(context.configuration), context.directories)
        guard let given = try? await Threads.offload({ () throws(FileFailure) in try roots.read(path) }) else {
            return .failure(RecvFailureText.cannotOpen(path))
        }
        guard let task = try? TaskFile.parse(given.bytes) else { return .failure(RecvFailureText.invalidFormat(path)) }
        let name = given.site.name
        for (state, text) in [
            (TaskState.queues, RecvFailureText.sameInQueues), (.downloading, RecvFailureText.sameInDownloading),
            (.downloaded, RecvFailureText.sameInDownloaded),
        ] where given.site.path == PathFiles.resolvedParent(directories.path(.receiver, state, name)) {
            return .failure(text(path))
        }
        if isWaiting(name, .receiver) {
            return .failure(RecvFailureText.sameInQueues(directories.path(.receiver, .queues, name)))
        }
        let isRunning = directories.contains(.receiver, .downloading, name)
        if isRunning {
            guard reactive, !preparing.contains(name) else {
                return .failure(RecvFailureText.sameInDownloading(directories.path(.receiver, .downloading, name)))
            }
            if context.places.role == .cacher, let receiver = receivers[name] {
                receiver.runner.extend()
                return .success(ReplyText.reactivatedCacher(taskFileName: name))
            }
        }
        preparing.insert(name)
        defer { preparing.remove(name) }
        do throws(RecvRefusal) {
            let superseded = try claim(task, by: name)
            return .success(try await accept(task, given, path: path, superseding: superseded))
        } catch {
            giveBackClaim(of: name)
            context.log(.notice, "task refused", task: name, ["reason": "\(error)"])
            return .failure(error.description)
        }
    }

    /// - Returns: the text of recv's success.
    private func accept(
        _ task: TaskFile, _ given: TaskFileSite.Given, path: String, superseding other: String?
    ) async throws(RecvRefusal) -> String {
        let (directories, name) = (context.directories, given.site.name)
        let wasDownloaded =
            other != nil || directories.locate(.receiver, name, in: [.downloaded, .history]) != nil
        if let imbalance = task.imbalance() { throw RecvRefusal(RecvFailureText.text(imbalance, path: path)) }
        do {
            try await Threads.offload { () throws(FileFailure) in
                let tmp = directories.path(.receiver, .tmp, name)
                guard given.site.path != PathFiles.resolvedParent(tmp) else { return }
                try PathFiles.write(given.bytes, to: tmp, mode: 0o640)
                // A sender that receives its own task continues to seed it.
                let ownSender = (PathFiles.resolved(directories.root) ?? directories.root) + "/sender/"
                if !given.site.path.hasPrefix(ownSender) { given.remove() }
            }
        } catch {
            throw RecvRefusal(RecvFailureText.cannotMove(to: directories.directory(.receiver, .tmp)))
        }
        let ready = try await prepare(task, name: name, path: path, superseding: other)
        if isStopped { throw RecvRefusal(RecvFailureText.cannotMove(to: directories.directory(.receiver, .tmp))) }
        work.begin()
        defer { work.end() }
        do {
            try await Threads.offload { () throws(FileFailure) in
                try directories.write(ready.task.encode(), .receiver, .tmp, name)
                try directories.move(name, .receiver, from: .tmp, to: .queues)
                directories.remove(name, .receiver, from: .downloading)
            }
        } catch {
            throw RecvRefusal(RecvFailureText.cannotMove(to: directories.directory(.receiver, .tmp)))
        }
        forgetEarlier(name)
        prepared[name] = ready.torrents
        startReceivers(receiveQueue.add(name))
        context.log(.info, "task accepted", task: name, ["bytes": "\(ready.task.totalSize)"])
        switch (wasDownloaded, ready.isAllLocal) {
        case (false, false): return ReplyText.succeed
        case (true, false): return ReplyText.downloadedAgain
        case (false, true): return ReplyText.allLocal
        case (true, true): return ReplyText.downloadedAndAllLocal
        }
    }

    // MARK: Progress

    /// The name of a task file in a call. It has no path, but some clients send one.
    static func taskName(_ request: APIRequest) -> String {
        let text = request.text("taskfile") ?? ""
        return text.split(separator: "/").last.map(String.init) ?? ""
    }

    package func progress(_ request: APIRequest) async -> APIReply {
        let name = Self.taskName(request)
        if context.places.role == .cacher {
            guard request.method == "cprogress" else { return .failure(ProgressFailureText.useCProgress) }
            return await cacherProgress(name)
        }
        if let figures = await progressFigures(of: name) { return figures.reply }
        if let state = context.directories.locate(.receiver, name, in: Self.states) {
            return .failure(ProgressFailureText.cannotOpen(context.directories.path(.receiver, state, name)))
        }
        return .failure(ProgressFailureText.unknownTask)
    }

    private static let states: [TaskState] = [.queues, .downloading, .downloaded, .history, .failed]

    /// The values of a task's progress; nil for an unknown task.
    package func progressFigures(of name: String) async -> ProgressFigures? {
        let directories = context.directories
        // Twice, because the task may change its state between two lookups.
        for _ in 0..<2 {
            guard let state = directories.locate(.receiver, name, in: Self.states),
                let receiverState = ReceiverState(rawValue: state.rawValue),
                let status = ProgressStatus(receiverState)
            else { continue }
            let path = directories.path(.receiver, state, name)
            if status == .queues { return ProgressFigures(status: .queues, taskPath: path, totalBytes: 0) }
            if let receiver = receivers[name], let task = receiver.task {
                return Self.figures(receiver.status, task, status, path, context)
            }
            guard let bytes = try? directories.read(.receiver, state, name), let task = try? TaskFile.parse(bytes)
            else {
                // A file that was refused because it is not a task also has details.
                guard state == .failed, directories.contains(.receiver, .failed, name) else { continue }
                var figures = ProgressFigures(status: .downloaderror, taskPath: path, totalBytes: 0)
                figures.error = directories.failure(name, .receiver) ?? "download error"
                return figures
            }
            var figures = ProgressFigures(task: task, status: status, taskPath: path)
            figures.contentPath = context.places.final(task) ?? ""
            if state == .failed { figures.error = directories.failure(name, .receiver) ?? "download error" }
            return figures
        }
        return nil
    }

    private static func figures(
        _ now: JobStatus, _ task: TaskFile, _ status: ProgressStatus, _ path: String, _ context: NodeContext
    ) -> ProgressFigures {
        var figures = ProgressFigures(task: task, status: status, taskPath: path)
        figures.contentPath = context.places.final(task) ?? ""
        figures.isSeeding = now.isSeeding
        figures.error = now.notes
        figures.localBytes = now.localBytes
        figures.received = now.received
        figures.pending = now.pending
        figures.rates = now.rates
        return figures
    }

    private func cacherProgress(_ name: String) async -> APIReply {
        let directories = context.directories
        guard let state = directories.locate(.receiver, name, in: Self.states) else {
            return .failure(ProgressFailureText.unknownTask)
        }
        if state == .queues { return .failure(ProgressFailureText.inQueues) }
        let task: TaskFile
        if let known = receivers[name]?.task {
            task = known
        } else if let bytes = try? directories.read(.receiver, state, name), let parsed = try? TaskFile.parse(bytes) {
            task = parsed
        } else {
            return .failure(ProgressFailureText.cannotOpen(directories.path(.receiver, state, name)))
        }
        if state == .failed {
            let details = directories.failure(name, .receiver) ?? ""
            return APIReply(succeeded: true, content: ["status": "noseeding error", "desc": .string(details)])
        }
        // A task seeds from its first piece on.
        let isSeeding = state == .downloading && receivers[name] != nil
        return APIReply(
            succeeded: true,
            content: [
                "status": isSeeding ? "seeding" : "noseeding",
                "desc": .string(ReplyText.cacherSeeding(directory: context.places.incoming(task))),
            ])
    }

    // MARK: Cancel

    /// Stops and removes a task: a download before an upload of the same name, an active task before a finished one.
    package func cancel(_ request: APIRequest) async -> APIReply {
        let name = Self.taskName(request)
        let directories = context.directories
        while preparing.contains(name) { await clock.sleep(seconds: 0.02) }
        if let state = directories.locate(.receiver, name, in: [.queues, .downloading, .downloaded]) {
            await cancelReceive(name, state)
        } else if let state = directories.locate(.sender, name, in: [.queues, .uploading, .uploaded]) {
            await cancelSend(name, state)
        } else if directories.contains(.receiver, .failed, name) {
            await cancelReceive(name, .failed)
        } else if directories.contains(.sender, .failed, name) {
            await cancelSend(name, .failed)
        } else {
            return .success(ReplyText.nothingToCancel(taskFileName: name))
        }
        context.log(.info, "task cancelled", task: name)
        return .success(ReplyText.succeed)
    }

    private func cancelReceive(_ name: String, _ state: TaskState) async {
        work.begin()
        defer { work.end() }
        preparing.insert(name)
        defer { preparing.remove(name) }
        if let receiver = receivers.removeValue(forKey: name) {
            await receiver.stop()
            receiver.store.forget(name)
        }
        prepared[name] = nil
        let (directories, places) = (context.directories, context.places)
        // The task may have changed its state while it was being stopped.
        let now = directories.locate(.receiver, name, in: [state, .queues, .downloading, .downloaded]) ?? state
        let task = await Threads.offload { () -> TaskFile? in
            let bytes = try? directories.read(.receiver, now, name)
            directories.remove(name, .receiver, from: now)
            return bytes.flatMap { try? TaskFile.parse($0) }
        }
        // Published content stays, and so does data of another task with the same content.
        if let task, !isPlaceShared(of: task, besides: name) {
            if let publication = places.job(task).publication {
                // Another task may be publishing content of that name.
                await publications.run(publication.final) { await Threads.offload { publication.discardPartial() } }
            }
            await Threads.offload {
                places.staging.remove(places.incoming(task))
                places.staging.remove(places.work(task))
            }
        }
        receiveClaims.release(name)
        noteEnded(.receiver, name)
        startReceivers(receiveQueue.remove(name))
    }

    private func cancelSend(_ name: String, _ state: TaskState) async {
        work.begin()
        defer { work.end() }
        preparing.insert(name)
        defer { preparing.remove(name) }
        if let runner = senders.removeValue(forKey: name) { await runner.stop() }
        let directories = context.directories
        await Threads.offload {
            let now = directories.locate(.sender, name, in: [state, .queues, .uploading, .uploaded]) ?? state
            directories.remove(name, .sender, from: now)
        }
        sendClaims.release(name)
        noteEnded(.sender, name)
        startSenders(sendQueue.remove(name))
    }

    // MARK: Schedules

    package func showschedules() async -> String {
        var tasks: [ScheduledTask] = []
        for (_, receiver) in receivers.sorted(by: { $0.key < $1.key }) {
            guard let machine = await receiver.runner.schedule(), let task = receiver.task else { continue }
            tasks.append(ScheduledTask(task: task, configuration: context.configuration, machine: machine))
        }
        for name in receiveQueue.waiting {
            guard let bytes = try? context.directories.read(.receiver, .queues, name),
                let task = try? TaskFile.parse(bytes)
            else { continue }
            tasks.append(ScheduledTask(task: task, configuration: context.configuration, machine: nil))
        }
        return ScheduleReport.text(tasks: tasks, at: clock.now.wall, clock: clock.calendar)
    }
}
