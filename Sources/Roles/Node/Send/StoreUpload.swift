import BFT
import Hashing
import Jobs
import Metainfo
import ObjectStore
import Threads

/// How transfers with a bucket ended.
typealias StoreOutcome = WorkOutcome<StoreProblem>

struct StoreProblem: Error, Sendable, CustomStringConvertible {
    let description: String
    /// Whether a later retry may help.
    let isTransient: Bool

    init(_ description: String, isTransient: Bool) {
        self.description = description
        self.isTransient = isTransient
    }

    /// - Parameter file: the file that the problem concerns, which the store's message does not show.
    init(_ error: ObjectStoreError, file: String? = nil) {
        let text: String = error.description
        var subject = ""
        if let file {
            let name: String = DisplayName.escape(file)
            if text.firstRange(of: name) == nil { subject = name + ": " }
        }
        self.init(subject + text, isTransient: error.isTransient || [.clockSkew, .cancelled].contains(error.kind))
    }
}

/// Uploads a task's content to its bucket: each file that is not there yet.
struct StoreUpload: Sendable {
    let task: TaskFile
    /// Path of the content on this node.
    let content: String
    let context: NodeContext

    /// The key of a file: for a single-file task that is the prefix itself.
    static func key(_ entry: TaskFileEntry, _ task: TaskFile, prefix: String) -> String {
        task.type == .file ? prefix : prefix.isEmpty ? entry.file : "\(prefix)/\(entry.file)"
    }

    static func path(_ entry: TaskFileEntry, _ task: TaskFile, content: String) -> String {
        task.type == .file ? content : "\(content)/\(entry.file)"
    }

    /// - Parameter progress: called with the bytes of the content in the bucket. A file whose parts are all there is none yet: it
    ///   counts as whole when the store has put it together.
    func run(progress: @escaping @Sendable (Int64) -> Void) async -> StoreOutcome {
        do throws(TaskProblem) {
            let (store, prefix) = try context.store(of: task)
            var done: Int64 = 0
            for entry in task.fileList {
                let before = done
                let problem = await put(entry, in: store, prefix) { stored in
                    progress(before + max(0, min(stored, entry.size - 1)))
                }
                if Task.isCancelled { return .stopped }
                if let problem { return .failed(problem) }
                done += entry.size
                progress(done)
                if Task.isCancelled { return .stopped }
            }
            return .complete
        } catch {
            return .failed(StoreProblem(error.description, isTransient: false))
        }
    }

    /// - Returns: why a file is not in the bucket now, or nil.
    private func put(
        _ entry: TaskFileEntry, in store: ObjectStore, _ prefix: String,
        progress: @escaping @Sendable (Int64) -> Void
    ) async -> StoreProblem? {
        let path = Self.path(entry, task, content: content)
        // The task file is authoritative: every receiver would refuse other content under this name.
        guard PathFiles.status(path, follow: true)?.size == entry.size else {
            let name: String = DisplayName.escape(entry.file)
            return StoreProblem("\(name) has another size than the task says: make the task again", isTransient: false)
        }
        do {
            // The hash in the object's metadata shows whether the store has this file already.
            _ = try await store.upload(
                file: path, key: Self.key(entry, task, prefix: prefix), contentHash: "sha1:" + entry.hash,
                progress: { part in progress(part.stored) })
            return nil
        } catch {
            return StoreProblem(error, file: entry.file)
        }
    }

    /// Bytes of the content in the bucket, counting files with the right size.
    func storedBytes() async -> Result<Int64, StoreProblem> {
        do {
            let (store, prefix) = try context.store(of: task)
            let there = try await sizes(in: store, prefix)
            return .success(
                task.fileList.reduce(0) { sum, entry in
                    there[Self.key(entry, task, prefix: prefix)] == entry.size ? sum + entry.size : sum
                })
        } catch let error as ObjectStoreError {
            return .failure(StoreProblem(error))
        } catch {
            return .failure(StoreProblem("\(error)", isTransient: false))
        }
    }

    private func sizes(in store: ObjectStore, _ prefix: String) async throws -> [String: Int64] {
        let objects = try await store.list(prefix: task.type == .file || prefix.isEmpty ? prefix : prefix + "/")
        return Dictionary(objects.map { ($0.key, $0.size) }) { first, _ in first }
    }
}

/// Downloads the missing files of a task from its bucket. Each file appears atomically, and only if it is what the task
/// says.
struct StoreFetch: Sendable {
    let task: TaskFile
    let content: String
    let context: NodeContext

    func run() async -> StoreOutcome {
        do {
            let (store, prefix) = try context.store(of: task)
            for entry in task.fileList {
                let path = StoreUpload.path(entry, task, content: content)
                if let status = PathFiles.status(path), status.kind == .file, status.size == entry.size { continue }
                try await fetch(entry, from: store, key: StoreUpload.key(entry, task, prefix: prefix), to: path)
                if Task.isCancelled { return .stopped }
            }
            return .complete
        } catch let problem as StoreProblem {
            return .failed(problem)
        } catch let problem as TaskProblem {
            return .failed(StoreProblem(problem.description, isTransient: false))
        } catch let error as ObjectStoreError {
            return error.kind == .cancelled ? .stopped : .failed(StoreProblem(error))
        } catch {
            return .failed(StoreProblem("\(error)", isTransient: false))
        }
    }

    private func fetch(_ entry: TaskFileEntry, from store: ObjectStore, key: String, to path: String) async throws {
        guard let slash = path.lastIndex(of: "/") else { return }
        try await Threads.offload { () throws(FileFailure) in try PathFiles.makeDirectory(String(path[..<slash])) }
        // A hidden name, so that it is not taken for content.
        let partial = "\(path[..<slash])/.\(path[slash...].dropFirst()).part"
        do {
            _ = try await store.download(key: key, size: entry.size, to: partial)
        } catch {
            if error.kind == .cancelled { throw error }
            throw StoreProblem(error, file: entry.file)
        }
        let file = JobFile(path: entry.file, size: entry.size, digest: SHA1Digest(hex: entry.hash))
        let isRight = await Threads.offload { FileCheck.isRight(partial, file) }
        guard isRight else {
            await Threads.offload { PathFiles.removeFile(partial) }
            throw StoreProblem(
                "\(entry.file) in the bucket is not what the task says", isTransient: false)
        }
        try await Threads.offload { () throws(FileFailure) in try PathFiles.move(partial, to: path).confirm() }
    }
}
