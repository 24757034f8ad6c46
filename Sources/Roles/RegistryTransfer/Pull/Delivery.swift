import Files
import Glibc
import Metainfo
import Reactor
import Registry
import Storage
import Synchronization
import Threads

/// One pull into a directory: checks the files at the destination, fetches the others into a working directory beside it,
/// and publishes the new tree in one step.
final class Delivery: Sendable {
    private let plan: PullPlan
    private let options: Pull.Options
    private let pool: WorkerPool
    private let meter: PullMeter
    private let digests: FileDigests
    /// The content at its final place.
    private let destination: PulledTree
    private let placePath: String
    private let isStopped = Atomic(false)
    private var limits: RegistryTransferLimits { options.limits }

    /// Opens the directory, and makes it if it is missing. Blocks.
    init(
        _ plan: PullPlan, into directory: String, options: Pull.Options, pool: WorkerPool, meter: PullMeter
    ) throws(PullError) {
        self.plan = plan
        self.options = options
        self.pool = pool
        self.meter = meter
        digests = FileDigests(
            pulled: DigestCache(directory: options.cache.map { $0 + "/pulled" }),
            pushed: DigestCache(directory: options.cache), blockBytes: options.limits.blockBytes)
        let (held, canonical) = try onDisk("open", directory) { () throws(Files.SystemError) in
            let held = try HeldDirectory.open(SystemPath(directory), creating: true)
            return (held, try SystemFileLayer().canonicalPath(directory))
        }
        placePath = canonical == "/" ? "" : canonical
        let name = FileName(checked: plan.name.bytes[...])
        destination = PulledTree(holder: held, name: name, display: "\(placePath)/\(plan.name.display)")
    }

    /// The path of the content at the destination.
    var path: String { placePath + "/" + destination.name.text }

    /// A file of each digest of the content, once it is published. Names that are no UTF-8 are left out.
    var files: [BlobDigest: String] {
        var files: [BlobDigest: String] = [:]
        for file in plan.files {
            guard let below = String(validating: file.path.bytes, as: UTF8.self) else { continue }
            files[file.digest] = plan.isSingleFile ? path : "\(path)/\(below)"
        }
        return files
    }

    /// Runs the pull.
    /// - Returns: whether the complete content was at the destination already.
    func run(_ source: any BlobSource) async throws(PullError) -> Bool {
        let workName = WorkNames.directory(for: plan.name)
        let hasWork = try await blocking { this throws(PullError) in
            try onDisk("look at", this.destination.display) { () throws(Files.SystemError) in
                try this.destination.holder.status(workName) != nil
            }
        }
        // Complete content needs no working directory: it may even be on a read-only disk.
        if !hasWork, try await blocking({ this throws(PullError) in try this.survey.run().isComplete }) {
            return await finishCached()
        }
        let (work, there) = try await blocking { this throws(PullError) in try this.open(workName) }
        let outcome: Result<Bool, PullError>
        do {
            if there.isComplete {
                try await blocking { _ throws(PullError) in
                    try inStorage { () throws(StorageError) in try work.remove() }
                }
                return await finishCached()
            }
            try await gather(there, work, source)
            meter.enter(.publishing)
            try await blocking { this throws(PullError) in try this.publish(there, work) }
            outcome = .success(false)
        } catch {
            outcome = .failure(error)
        }
        await Threads.offload(name: "swoop-pull") { [digests] in digests.pulled.save() }
        if case .failure = outcome { await Threads.offload(name: "swoop-pull") { work.removeIfUnused() } }
        return try outcome.get()
    }

    private func finishCached() async -> Bool {
        for file in plan.files { meter.finish(file.digest, files: 1, bytes: file.size, reused: file.size) }
        await Threads.offload(name: "swoop-pull") { [digests] in digests.pulled.save() }
        return true
    }

    /// Runs a blocking body on a thread of its own. When the task is cancelled, `isStopped` is set for the body.
    private func blocking<R: Sendable>(
        _ body: @escaping @Sendable (Delivery) throws(PullError) -> R
    ) async throws(PullError) -> R {
        let result = await withTaskCancellationHandler {
            await Threads.offload(name: "swoop-pull") { [self] () -> Result<R, PullError> in
                do throws(PullError) { return .success(try body(self)) } catch { return .failure(error) }
            }
        } onCancel: {
            isStopped.store(true, ordering: .relaxed)
        }
        if Task.isCancelled { throw .cancelled }
        return try result.get()
    }

    private var isCancelled: Bool { isStopped.load(ordering: .relaxed) }

    private var survey: DestinationSurvey {
        DestinationSurvey(
            plan: plan, destination: destination, digests: digests, overwrite: options.overwrite,
            isCancelled: { [self] in isCancelled })
    }

    /// Opens the working directory, completes a publication that a crash interrupted, and checks the destination.
    private func open(_ name: FileName) throws(PullError) -> (WorkDirectory, Present) {
        let place = HeldFile(
            try onDisk("open", placePath) { () throws(Files.SystemError) in
                try SystemFileLayer().openDirectory(.itself, in: destination.holder.descriptor, followSymlink: false)
            }, layer: SystemFileLayer())
        let work = try inStorage { () throws(StorageError) in
            try WorkDirectory.open(name, in: place, placePath: placePath, layer: SystemFileLayer())
        }
        do throws(PullError) {
            _ = try publication(work).recover()
            return (work, try survey.run())
        } catch {
            work.removeIfUnused()
            throw error
        }
    }

    // MARK: Fetching

    private func gather(
        _ there: Present, _ work: WorkDirectory, _ source: any BlobSource
    ) async throws(PullError) {
        let staging = try await blocking { this throws(PullError) in
            try Staging(work, this.plan, digests: this.digests, reusing: this.destination)
        }
        let groups = Dictionary(grouping: plan.files, by: \.digest).values.map { $0 }
            .sorted { $0[0].path < $1[0].path }
        let turn = Turn(count: groups.count)
        let failure = await withTaskGroup(of: PullError?.self) { group in
            for _ in 0..<max(1, min(limits.atOnce, groups.count)) {
                group.addTask { [self] in
                    while !Task.isCancelled {
                        guard let index = turn.next() else { return nil }
                        do throws(PullError) {
                            try await bring(groups[index], there, staging, source)
                        } catch {
                            return error
                        }
                    }
                    return .cancelled
                }
            }
            var first: PullError?
            for await failure in group {
                guard let failure else { continue }
                if first == nil || first == .cancelled { first = failure }
                group.cancelAll()
            }
            return first
        }
        if let failure { throw failure }
        try await blocking { _ throws(PullError) in try staging.synchronize() }
    }

    /// Puts all files with one digest into their places in the new tree.
    private func bring(
        _ files: [PullPlan.File], _ there: Present, _ staging: Staging, _ source: any BlobSource
    ) async throws(PullError) {
        let first = files[0]
        var reused: Int64 = 0
        let isHere = try await blocking { this throws(PullError) in
            if try staging.has(first, isCancelled: { this.isCancelled }) { return true }
            if let content = first.content {
                try staging.write(content, first)
                return true
            }
            guard let path = there.files[first.digest] else { return false }
            return try staging.copy(from: path, first, isCancelled: { this.isCancelled })
        }
        if isHere {
            reused = first.size
        } else {
            let part = try await blocking { _ throws(PullError) in try staging.part(first.digest) }
            let meter = meter
            do throws(PullError) {
                try await source.fetch(WantedBlob(digest: first.digest, size: first.size), into: part) {
                    meter.take($0, of: first.digest)
                }
            } catch {
                throw Task.isCancelled ? .cancelled : error
            }
            try await blocking { _ throws(PullError) in try staging.accept(part, first) }
        }
        if files.count > 1 {
            try await blocking { this throws(PullError) in
                for other in files.dropFirst() where !(try staging.has(other, isCancelled: { this.isCancelled })) {
                    try staging.duplicate(first, as: other, isCancelled: { this.isCancelled })
                }
            }
            reused += first.size * Int64(files.count - 1)
        }
        meter.finish(first.digest, files: files.count, bytes: first.size * Int64(files.count), reused: reused)
    }

    private final class Turn: Sendable {
        private let place = Atomic(0)
        private let count: Int

        init(count: Int) { self.count = count }

        func next() -> Int? {
            let index = place.add(1, ordering: .relaxed).oldValue
            return index < count ? index : nil
        }
    }

    // MARK: Publishing

    private func publication(_ work: WorkDirectory) -> Publication {
        let paths = Set(plan.files.map(\.path))
        return Publication(
            work: work, destination: destination,
            isOurs: { [digests, options] status in
                // Without permission to overwrite, all files at the destination are kept.
                options.overwrite && options.selection == nil && digests.pulled.digest(DigestStamp(status)) != nil
            }, isInTree: { paths.contains($0) })
    }

    private func publish(_ there: Present, _ work: WorkDirectory) throws(PullError) {
        // Without permission to overwrite, the files at the destination must still be the right ones.
        if there.isSomething, !options.overwrite { _ = try survey.run() }
        try publication(work).run(isSingleFile: plan.isSingleFile, mayReplace: there.isSomething)
        try inStorage { () throws(StorageError) in try work.remove() }
        for file in plan.files {
            let status = try? destination.status(file.path)
            if let status, status.size == file.size { digests.pulled.note(DigestStamp(status), file.digest) }
        }
    }
}
