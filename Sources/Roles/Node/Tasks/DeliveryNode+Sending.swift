import BFT
import Jobs
import Threads

// Tasks that are sent: from the queue to their end.
extension DeliveryNode {
    func startSenders(_ names: [String]) {
        for name in names {
            preparing.insert(name)
            Task {
                await self.startSender(name)
                self.preparing.remove(name)
            }
        }
    }

    private func startSender(_ name: String) async {
        if isStopped { return }
        work.begin()
        defer { work.end() }
        if let old = senders.removeValue(forKey: name) { await old.stop() }
        let directories = context.directories
        do throws(FileFailure) {
            try await Threads.offload { () throws(FileFailure) in
                try directories.move(name, .sender, from: .queues, to: .uploading)
            }
        } catch {
            context.log(.error, "task cannot be started", task: name, ["reason": "\(error)"])
            return startSenders(sendQueue.remove(name))
        }
        await runSender(name, state: .uploading)
    }

    /// Runs a task whose file is in the directory of a state.
    func runSender(_ name: String, state: TaskState) async {
        let directories = context.directories
        do {
            let task = try await Threads.offload { () throws -> TaskFile in
                try TaskFile.parse(try directories.read(.sender, state, name))
            }
            if isStopped { return }
            if let other = claimSend(task, by: name) {
                let there = directories.locate(.sender, other, in: [.uploading, .uploaded, .queues]) ?? .uploading
                throw RecvRefusal(SendFailureText.sameInUploading(directories.path(.sender, there, other)))
            }
            await noteRunning([(.sender, name)])
            if isStopped { return }
            // It may have been cancelled meanwhile.
            guard directories.contains(.sender, state, name) else { return noteEnded(.sender, name) }
            let hooks = JobHooks(
                placeIsFree: { [weak self] name in await self?.senderIsUploaded(name) },
                ended: { [weak self] name in await self?.senderEnded(name) })
            let runner = SendRunner(name: name, task: task, state: state, context: context, hooks: hooks)
            senders[name] = runner
            await runner.start()
        } catch {
            context.log(.error, "task file cannot be used", task: name, ["reason": "\(error)"])
            let details = "\(error)"
            await Threads.offload {
                try? directories.fail(name, .sender, from: state, details: details, suffix: ".bterr")
            }
            startSenders(sendQueue.remove(name))
        }
    }

    private func senderIsUploaded(_ name: String) {
        noteInLedger { $0.proved(Self.key(.sender, name)) }
        startSenders(sendQueue.remove(name))
    }

    private func senderEnded(_ name: String) {
        senders[name] = nil
        sendClaims.release(name)
        noteEnded(.sender, name)
        startSenders(sendQueue.remove(name))
    }
}
