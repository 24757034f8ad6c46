import BFT
import Jobs
import Threads

// Tasks that are received: from the queue to their end, and files that were put into the queue.
extension DeliveryNode {
    func startReceivers(_ names: [String]) {
        for name in names {
            preparing.insert(name)
            Task {
                await self.startReceiver(name)
                self.preparing.remove(name)
            }
        }
    }

    private func startReceiver(_ name: String) async {
        if isStopped { return }
        work.begin()
        defer { work.end() }
        if let old = receivers.removeValue(forKey: name) {
            await old.stop()
            old.store.forget(name)
        }
        let directories = context.directories
        do throws(FileFailure) {
            try await Threads.offload { () throws(FileFailure) in
                try directories.move(name, .receiver, from: .queues, to: .downloading)
            }
        } catch {
            context.log(.error, "task cannot be started", task: name, ["reason": "\(error)"])
            prepared[name] = nil
            return startReceivers(receiveQueue.remove(name))
        }
        await runReceiver(name, state: .downloading)
    }

    /// Runs a task whose file is in the directory of a state.
    func runReceiver(_ name: String, state: TaskState) async {
        let (directories, places) = (context.directories, context.places)
        do {
            let task = try await Threads.offload { () throws -> TaskFile in
                try TaskFile.parse(try directories.read(.receiver, state, name))
            }
            // Two tasks with the same content, which an earlier version could leave behind.
            if let other = try claim(task, by: name) {
                receiveClaims.release(name)
                _ = receiveClaims.claim(self.places(of: task), by: other)
                throw RecvRefusal(RecvFailureText.sameInDownloaded(directories.path(.receiver, .downloaded, other)))
            }
            let known = prepared.removeValue(forKey: name)
            let saved =
                known == nil
                ? await Threads.offload { TaskTorrents.load(from: places.work(task), task: task, role: places.role) }
                : nil
            guard let torrents = known ?? saved else {
                if state == .downloaded {
                    // A finished task needs no torrent, only its end time.
                    return await run(name, task, TaskTorrents(), state)
                }
                return fetchTorrents(name, task)
            }
            await run(name, task, torrents, state)
        } catch {
            context.log(.error, "task file cannot be used", task: name, ["reason": "\(error)"])
            let details = "\(error)"
            await Threads.offload {
                try? directories.fail(name, .receiver, from: state, details: details, suffix: ".bterr")
            }
            startReceivers(receiveQueue.remove(name))
        }
    }

    /// For a running task whose torrents were lost: retries until they are available.
    private func fetchTorrents(_ name: String, _ task: TaskFile) {
        let (context, fetcher) = (context, TorrentFetcher(transport: transport, tunables: context.tunables))
        Task {
            var failures = 0
            while !self.isStopped, context.directories.contains(.receiver, .downloading, name) {
                do throws(RecvRefusal) {
                    let torrents = try await TaskTorrents.fetch(task, role: context.places.role, by: fetcher)
                    // It may have been cancelled meanwhile.
                    guard !self.isStopped, context.directories.contains(.receiver, .downloading, name) else { return }
                    self.work.begin()
                    defer { self.work.end() }
                    await Threads.offload { try? torrents.save(to: context.places.work(task), task: task) }
                    return await self.run(name, task, torrents, .downloading)
                } catch {
                    context.log(.warning, "torrent is missing", task: name, ["reason": "\(error)"])
                    await context.clock.sleep(seconds: context.tunables.sending.uploadRetry.delay(after: failures))
                    failures += 1
                }
            }
        }
    }

    private func run(_ name: String, _ task: TaskFile, _ torrents: TaskTorrents, _ state: TaskState) async {
        if isStopped { return }
        await noteRunning([(.receiver, name)])
        if isStopped { return }
        let (context, store) = (context, context.tasks)
        // It may have been cancelled meanwhile.
        guard context.directories.contains(.receiver, state, name) else { return noteEnded(.receiver, name) }
        let hooks = JobHooks(
            placeIsFree: { [weak self] name in await self?.receiverIsComplete(name) },
            ended: { [weak self] name in await self?.receiverEnded(name) },
            event: { name, event in context.notify(event, of: name, store) },
            count: { what, count in context.metrics.count(what, count) })
        store.begin(task, name: name)
        let runner = JobRunner(
            job: Job(task, name: name, torrents: torrents, context: context),
            record: JobRecord(task, context.clock.calendar), state: state == .downloaded ? .serving : .receiving,
            host: jobHost, store: store, hooks: hooks)
        receivers[name] = Receiver(runner: runner, store: store)
        await runner.start()
    }

    /// What all jobs share, as the configuration has it now.
    private var jobHost: JobHost {
        JobHost(
            swarm: context.swarm, transferOptions: context.transferOptions, library: context.library,
            clock: context.clock, logger: context.logger,
            settings: JobSettings(tick: context.tunables.tick, diskRetry: context.tunables.diskRetry),
            publications: publications, checks: checks)
    }

    private func receiverIsComplete(_ name: String) {
        noteInLedger { $0.proved(Self.key(.receiver, name)) }
        startReceivers(receiveQueue.remove(name))
    }

    private func receiverEnded(_ name: String) {
        if let receiver = receivers.removeValue(forKey: name) { receiver.store.forget(name) }
        receiveClaims.release(name)
        noteEnded(.receiver, name)
        startReceivers(receiveQueue.remove(name))
    }

    /// A file in the queue that did not come through recv: it is handled as recv would.
    func takeUp(_ name: String) async {
        defer { preparing.remove(name) }
        let directories = context.directories
        let path = directories.path(.receiver, .queues, name)
        guard let status = PathFiles.status(path), status.kind == .file else { return }
        do {
            let bytes = try await Threads.offload { () throws(FileFailure) in
                try directories.read(.receiver, .queues, name)
            }
            let task: TaskFile
            do throws(TaskFileError) { task = try TaskFile.parse(bytes) } catch {
                // The file may still be being written.
                let age = clock.now.wall.seconds - Double(status.modified) / 1e9
                if age < 3, age > -3 { return }
                throw RecvRefusal(RecvFailureText.invalidFormat(path))
            }
            let superseded = try claim(task, by: name)
            if superseded == nil, let torrents = await acceptedBefore(task) {
                guard directories.contains(.receiver, .queues, name) else { return giveBackClaim(of: name) }
                forgetEarlier(name)
                prepared[name] = torrents
                return startReceivers(receiveQueue.add(name))
            }
            guard let ready = try await prepareDropped(task, name: name, path: path, superseding: superseded) else {
                return giveBackClaim(of: name)
            }
            // It may have been cancelled meanwhile.
            guard !isStopped, directories.contains(.receiver, .queues, name) else { return giveBackClaim(of: name) }
            work.begin()
            defer { work.end() }
            try await Threads.offload { () throws(FileFailure) in
                try directories.write(ready.task.encode(), .receiver, .queues, name)
            }
            forgetEarlier(name)
            prepared[name] = ready.torrents
            startReceivers(receiveQueue.add(name))
        } catch let refusal as RecvRefusal {
            if isStopped { return }
            work.begin()
            defer { work.end() }
            giveBackClaim(of: name)
            context.log(.warning, "dropped task refused", task: name, ["reason": "\(refusal)"])
            do {
                try await Threads.offload { () throws(FileFailure) in
                    try directories.fail(
                        name, .receiver, from: .queues, details: refusal.description, suffix: ".bterr")
                }
            } catch {
                // It stays in the queue, and is looked at again.
                return context.log(
                    .error, "a refused task cannot be moved", task: name, ["reason": "\(error)"])
            }
            context.metrics.add(to: .receivesFailed)
            context.notify(
                "failed", task: name, path: directories.path(.receiver, .failed, name), details: refusal.description)
        } catch {
            context.log(.warning, "dropped task cannot be read", task: name, ["reason": "\(error)"])
        }
    }

    /// The torrents of a task that recv had accepted before the node was started again: nothing of it is asked for once more.
    private func acceptedBefore(_ task: TaskFile) async -> TaskTorrents? {
        guard !task.receiveTime.isEmpty, task.finishedTime.isEmpty else { return nil }
        let places = context.places
        return await Threads.offload { TaskTorrents.load(from: places.work(task), task: task, role: places.role) }
    }

    /// Prepares a task file that was put into the queue. Retries after a while if a server cannot be reached.
    /// - Returns: nil if the node was stopped or the file removed meanwhile.
    private func prepareDropped(
        _ task: TaskFile, name: String, path: String, superseding other: String?
    ) async throws(RecvRefusal) -> PreparedTask? {
        var failures = 0
        while true {
            do throws(RecvRefusal) {
                let ready = try await prepare(task, name: name, path: path, superseding: other)
                return isStopped ? nil : ready
            } catch {
                failures += 1
                guard error.mayPass, failures < context.tunables.dropTries else { throw error }
                context.log(.notice, "dropped task waits for its torrent", task: name, ["reason": "\(error)"])
            }
            await context.clock.sleep(seconds: context.tunables.dropRetry.delay(after: failures - 1))
            if isStopped || !context.directories.contains(.receiver, .queues, name) { return nil }
        }
    }

    /// Removes the files of earlier deliveries with this name from their directories: the task is in the queue now.
    func forgetEarlier(_ name: String) {
        for state in [TaskState.downloaded, .history, .failed] {
            context.directories.remove(name, .receiver, from: state)
        }
    }

    /// All steps of recv before its reply. Ends an earlier delivery of the same name, and removes its marker.
    /// - Parameter other: a task of the same content under another name that was delivered before.
    /// - Throws: recv's text.
    func prepare(
        _ given: TaskFile, name: String, path: String, superseding other: String?
    ) async throws(RecvRefusal) -> PreparedTask {
        let preparation = TaskPreparation(context: context, transport: transport)
        let ready = try await preparation.check(given, path: path)
        if isStopped {
            throw RecvRefusal(RecvFailureText.cannotMove(to: context.directories.directory(.receiver, .tmp)))
        }
        work.begin()
        defer { work.end() }
        for earlier in [name, other].compactMap(\.self) {
            guard let old = receivers.removeValue(forKey: earlier) else { continue }
            await old.stop()
            old.store.forget(earlier)
            startReceivers(receiveQueue.remove(earlier))
        }
        if let other { forgetEarlier(other) }
        try await preparation.clearPlace(of: ready)
        return ready
    }
}
