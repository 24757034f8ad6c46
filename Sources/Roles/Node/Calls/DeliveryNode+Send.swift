import BFT
import Jobs
import Metainfo
import Policy
import Text
import Threads

// The API calls of a sending node.
extension DeliveryNode {
    // MARK: send

    package func send(_ request: APIRequest) async -> APIReply {
        let path = request.text("taskfile") ?? ""
        let reactive: Bool
        switch request.flag("reactive") {
        case .missing: reactive = true
        case .value(let value): reactive = value
        case .invalid: return .failure(SendFailureText.reactiveInvalid)
        }
        let roots = TaskRoots(context.configuration)
        guard let given = try? await Threads.offload({ () throws(FileFailure) in try roots.read(path) }) else {
            return .failure(SendFailureText.cannotOpen(path))
        }
        guard let task = try? TaskFile.parse(given.bytes) else { return .failure(SendFailureText.invalidFormat(path)) }
        return await enqueue(task, name: given.site.name, from: path, reactive: reactive)
    }

    private func enqueue(_ given: TaskFile, name: String, from path: String, reactive: Bool) async -> APIReply {
        var task = given
        let directories = context.directories
        if isWaiting(name, .sender) {
            return .failure(SendFailureText.sameInQueues(directories.path(.sender, .queues, name)))
        }
        if directories.contains(.sender, .uploading, name) {
            return .failure(SendFailureText.sameInUploading(directories.path(.sender, .uploading, name)))
        }
        var earlier = [name]
        switch otherSend(of: task.subdirectory, task.name, besides: name) {
        case .waiting(let path): return .failure(SendFailureText.sameInQueues(path))
        case .uploading(let path): return .failure(SendFailureText.sameInUploading(path))
        case .uploaded(let other): earlier.append(other)
        case nil: break
        }
        let full = context.paths.torrent(ofContent: context.paths.content(of: task))
        let served = context.paths.servedTorrent(of: task)
        let usesTorrent = task.usedMethods.contains(.bt)
        for torrent in usesTorrent ? [full, served] : [full] where PathFiles.status(torrent)?.kind != .file {
            return .failure(SendFailureText.noTorrent(torrent))
        }
        let torrentName = served.split(separator: "/").last.map(String.init) ?? served
        preparing.insert(name)
        defer { preparing.remove(name) }
        var isSeeding = false
        for other in earlier { if await senders[other]?.isSeeding == true { isSeeding = true } }
        if isSeeding {
            guard reactive else {
                return .failure(SendFailureText.sameNameSeeding(torrent: torrentName, taskFileName: name))
            }
            let bytes = try? await Threads.offload { () throws(FileFailure) in
                try PathFiles.read(served, limit: 64 << 20)
            }
            guard let bytes, (try? Torrent.parse(bytes)) != nil else {
                return .failure(SendFailureText.restartFailed(torrent: torrentName, taskFileName: name))
            }
        }
        for other in earlier { if let old = senders.removeValue(forKey: other) { await old.stop() } }
        // Another call for the same content may have been handled in the meantime.
        for other in earlier where other != name {
            directories.remove(other, .sender, from: .uploaded)
            sendClaims.release(other)
        }
        if let other = claimSend(task, by: name) {
            return .failure(SendFailureText.sameInQueues(directories.path(.sender, .queues, other)))
        }
        task.sendTime = ""
        let queued = task
        if isStopped { return .failure(SendFailureText.cannotCopy(path)) }
        work.begin()
        defer { work.end() }
        do {
            try await Threads.offload { () throws(FileFailure) in
                try directories.write(queued.encode(), .sender, .tmp, name)
                try directories.move(name, .sender, from: .tmp, to: .queues)
                for state in [TaskState.uploaded, .history, .failed] { directories.remove(name, .sender, from: state) }
            }
        } catch {
            return .failure(SendFailureText.cannotCopy(path))
        }
        startSenders(sendQueue.remove(name))
        startSenders(sendQueue.add(name))
        context.log(.info, "task queued for sending", task: name)
        return .success(isSeeding ? ReplyText.restartedSameName : ReplyText.succeeded)
    }

    // MARK: gentask and sends

    package func gentask(_ request: APIRequest) async -> APIReply {
        guard let taskPath = request.givenText("taskfile") else { return .failure(GenerationFailureText.noTaskFile) }
        let wanted: GenerateRequest
        do throws(GenerateFailure) {
            wanted = try GenerateRequest(
                request, taskPath: taskPath, subdirectory: nil, configuration: context.configuration,
                places: context.places)
        } catch {
            return .failure(error.description)
        }
        do throws(GenerateFailure) {
            switch try await maker.make(wanted, in: context) {
            case .done: return .success(ReplyText.succeeded)
            case .begun(let plan, _):
                return .success(
                    ReplyText.waitForTask(
                        torrent: plan.torrentPath, tmpTorrent: plan.shareTorrentPath, taskFile: taskPath))
            }
        } catch {
            return .failure(error.description)
        }
    }

    /// gentask and send in one call.
    package func sends(_ request: APIRequest) async -> APIReply {
        let configured = context.configuration.baseSubdirectory
        let content = request.text("dcppath") ?? ""
        let last = content.split(separator: "/").last.map(String.init) ?? ""
        let directories = context.directories
        let usual = "\(configured?.text ?? "")-\(last)\(TaskDirectories.suffix)"
        let taskPath = request.givenText("taskfile") ?? directories.path(.sender, .tmp, usual)
        let name = taskPath.split(separator: "/").last.map(String.init) ?? usual
        if isWaiting(name, .sender) {
            return .failure(SendFailureText.sendsSameInQueues(directories.path(.sender, .queues, name)))
        }
        if directories.contains(.sender, .uploading, name) {
            return .failure(SendFailureText.sendsSameInUploading(directories.path(.sender, .uploading, name)))
        }
        if let configured {
            switch otherSend(of: configured, last, besides: name) {
            case .waiting(let path): return .failure(SendFailureText.sendsSameInQueues(path))
            case .uploading(let path): return .failure(SendFailureText.sendsSameInUploading(path))
            case .uploaded, nil: break
            }
        }
        do throws(GenerateFailure) {
            let wanted = try GenerateRequest(
                request, taskPath: taskPath, subdirectory: configured, configuration: context.configuration,
                places: context.places)
            switch try await maker.make(wanted, in: context) {
            case .done(let task):
                let reply = await enqueue(task, name: name, from: taskPath, reactive: true)
                return reply.succeeded ? .success(ReplyText.succeeded) : reply
            case .begun(let plan, let job):
                Task {
                    guard let task = await job.value else { return }
                    let reply = await self.enqueue(task, name: name, from: taskPath, reactive: true)
                    if !reply.succeeded {
                        self.context.log(.error, "task cannot be queued", task: name, ["reason": "\(reply.text)"])
                    }
                }
                return .success(ReplyText.succeedAfterTorrent(plan.torrentPath))
            }
        } catch {
            return .failure(error.description)
        }
    }

    package func taskfilesquery(_ request: APIRequest) async -> APIReply {
        let content = request.text("dcppath") ?? ""
        let taskPath = request.text("taskfile") ?? ""
        func reply(_ succeeded: Bool, _ status: String, _ text: String) -> APIReply {
            APIReply(succeeded: succeeded, content: ["status": .string(status), "desc": .string(text)])
        }
        guard context.paths.belowBase(content) != nil, PathFiles.status(content, follow: true) != nil else {
            return reply(false, "error", GenerationFailureText.queriedContentMissing(content))
        }
        let torrent = context.paths.torrent(ofContent: content)
        let state = await maker.state(ofTorrent: torrent)
        if case .making = state { return reply(true, "unfinished", GenerationFailureText.makingSeed) }
        let roots = TaskRoots(context.configuration)
        guard let site = try? roots.site(taskPath), site.isThere else {
            if case .failed(let failure) = state { return reply(false, "error", failure) }
            return reply(true, "unfinished", GenerationFailureText.notMade)
        }
        guard let given = try? await Threads.offload({ () throws(FileFailure) in try site.read() }),
            let task = try? TaskFile.parse(given.bytes)
        else { return reply(false, "error", GenerationFailureText.queriedTaskUnreadable(taskPath)) }
        let share = task.needsTmpTorrent ? [context.paths.tmpTorrent(task.subdirectory, task.name)] : []
        for path in [torrent] + share where PathFiles.status(path)?.kind != .file {
            return reply(
                true, "unfinished", GenerationFailureText.waitForBoth(contentPath: content, taskFile: taskPath))
        }
        return reply(true, "finished", ReplyText.succeed)
    }

    // MARK: uploadprogress

    package func uploadprogress(_ request: APIRequest) async -> APIReply {
        let name = Self.taskName(request)
        let directories = context.directories
        let states: [TaskState] = [.queues, .uploading, .uploaded, .history, .failed]
        guard let state = directories.locate(.sender, name, in: states) else { return UploadFigures.unknown.reply }
        if let runner = senders[name], state == .uploading || state == .uploaded { return await runner.figures.reply }
        var figures = UploadFigures(
            state: SenderState(rawValue: state.rawValue) ?? .queues, taskPath: directories.path(.sender, state, name),
            machine: nil)
        if state == .failed { figures.error = directories.failure(name, .sender) ?? "" }
        return figures.reply
    }
}
