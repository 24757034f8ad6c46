import BFT
import HTTPTransport
import Hashing
import Jobs
import Threads

/// A task that recv accepts.
struct PreparedTask: Sendable {
    let task: TaskFile
    let torrents: TaskTorrents
    /// Whether the library has all of the content.
    var isAllLocal: Bool { task.totalSize > 0 && task.localSameSize == task.totalSize }
}

/// What recv does with a task before its reply.
struct TaskPreparation: Sendable {
    let context: NodeContext
    let transport: HTTPTransport

    /// Checks sums, loads torrents, searches the library.
    /// - Throws: recv's text.
    func check(_ given: TaskFile, path: String) async throws(RecvRefusal) -> PreparedTask {
        var task = given
        if let imbalance = task.imbalance() { throw RecvRefusal(RecvFailureText.text(imbalance, path: path)) }
        // The results of another node's library are meaningless here.
        task.setLocalSameFiles([])
        let fetcher = TorrentFetcher(transport: transport, tunables: context.tunables)
        let torrents = try await TaskTorrents.fetch(task, role: context.places.role, by: fetcher)
        if context.places.role != .cacher, context.configuration.avoidsRepeat {
            task.setLocalSameFiles(await filesHere(task))
        }
        task.receiveTime = context.clock.text
        task.finishedTime = ""
        return PreparedTask(task: task, torrents: torrents)
    }

    private func filesHere(_ task: TaskFile) async -> Set<Int> {
        var here: Set<Int> = []
        for (index, entry) in task.fileList.enumerated() where entry.size > 0 {
            guard let digest = SHA1Digest(hex: entry.hash) else { continue }
            if await context.library.find(digest, size: entry.size) != nil { here.insert(index) }
        }
        return here
    }

    /// Removes what an earlier delivery left where this one goes, and keeps the torrents there.
    /// - Throws: recv's text.
    func clearPlace(of ready: PreparedTask) async throws(RecvRefusal) {
        let (task, work) = (ready.task, context.places.work(ready.task))
        do {
            try await Threads.offload { () throws(FileFailure) in
                // A marker is empty; a file with bytes is content of that name.
                if let marker = context.places.marker(task) { PathFiles.removeFile(marker, onlyIfEmpty: true) }
                let publication = context.places.job(task).publication
                // Content that was published is not what comes now.
                if publication?.standing() == .published || !PathFiles.exists(context.places.incoming(task)) {
                    context.places.staging.remove(work)
                }
                publication?.forgetChecked()
                try ready.torrents.save(to: work, task: task)
            }
        } catch {
            throw RecvRefusal(RecvFailureText.cannotStore("\(error)"))
        }
    }
}
