import Delivery
import Hashing
import Metainfo
import Swarm
import Threads

// Carries out the machine's actions.
extension ReceiveRunner {
    func apply(_ actions: [DeliveryAction]) async {
        for action in actions {
            if hasEnded || isStopped { return }
            switch action {
            case .setMethod(let method, let files, let isActive):
                await fetch(method, files: files, isActive: isActive)
            case .setSeeding(let isOn): await setSeeding(isOn)
            case .copy(let files): copy(files)
            case .probe(let method): probe(method)
            case .verify(let file): verify(file)
            case .discard(let file): await discard(file)
            case .publish: publish()
            case .seed:
                if context.places.role == .cacher, task.finishedTime.isEmpty {
                    task.finishedTime = context.clock.text
                    save()
                    await hooks.placeIsFree(name)
                    context.log(.info, "share complete, serving", task: name)
                }
                await serve()
            case .finish: await finish()
            case .fail(let failure): await fail(failure)
            }
        }
    }

    // MARK: Fetching

    private func fetch(_ method: DeliveryMethod, files: [Int], isActive: Bool) async {
        // Empty files may be all that is missing, and no transfer creates them.
        if isActive { makeEmptyFiles(Set(files)) }
        let known = Set(fetching?.parts.flatMap { $0.files.keys } ?? [])
        if isActive, !known.isSuperset(of: files.filter { task.fileList[$0].size > 0 }) {
            await beginFetching()
        } else {
            await fetching?.set(method, files: files, isActive: isActive, rateLimit: rateLimit(method))
        }
    }

    private func rateLimit(_ method: DeliveryMethod) -> Int? { context.configuration.rateLimits[method] }

    /// Starts the transfers, or starts them again for what is missing now.
    func beginFetching() async {
        await settleTransfers()
        diskRetry.begun()
        let missing = Set(DeliveryMethod.allCases.flatMap { machine.status($0).files })
        makeEmptyFiles(missing)
        // Existing files stay in the transfers, because peers want them.
        let here = Set(task.fileList.indices.filter { machine.owner(of: $0) != nil })
        let wanted = missing.union(here)
        do {
            let (task, torrents, incoming, work, context) = (task, torrents, incoming, work, context)
            let begun = try await Fetching.begin(
                task: task, torrents: torrents, wanted: wanted, incoming: incoming, work: work, context: context)
            if isStopped { return await begun.stop() }
            fetching = begun
            // Their records contain the bytes of earlier runs.
            figures.transfersBegan()
            for part in begun.parts { follow(part) }
            for method in DeliveryMethod.allCases {
                let status = machine.status(method)
                await begun.set(
                    method, files: status.files, isActive: status.isActive, rateLimit: rateLimit(method))
            }
        } catch {
            feed.yield(.transferFailed("\(error)"))
        }
    }

    /// Empty files are in no piece, and some torrents leave them out.
    private func makeEmptyFiles(_ files: Set<Int>) {
        for file in files where task.fileList[file].size == 0 {
            let path = Self.place(of: task.fileList[file], task, incoming: incoming)
            guard let slash = path.lastIndex(of: "/") else { continue }
            try? NodeFiles.makeDirectory(String(path[..<slash]))
            try? NodeFiles.write([], to: path)
            feed.yield(.fileComplete(file))
        }
    }

    private func follow(_ part: Fetching.Part) {
        children.append(
            Task { [feed, name, context] in
                for await event in part.transfer.events {
                    switch event {
                    case .fileComplete(let index):
                        if let place = part.places[index] { feed.yield(.fileComplete(place)) }
                    case .failed(let error): feed.yield(.transferFailed(error.description))
                    case .complete: for place in part.files.keys { feed.yield(.fileComplete(place)) }
                    case .warning(let text):
                        context.log(.notice, "transfer warning", task: name, ["warning": "\(text)"])
                    default: break
                    }
                }
            })
    }

    private func setSeeding(_ isOn: Bool) async {
        await fetching?.peers?.transfer.setSeeding(isOn)
        await seed?.setSeeding(isOn)
    }

    // MARK: Copies, probes, checks

    private func copy(_ files: [Int]) {
        let (task, incoming, context) = (task, incoming, context)
        children.append(
            Task { [feed] in
                for file in files {
                    if Task.isCancelled { return }
                    let entry = task.fileList[file]
                    let target = Self.place(of: entry, task, incoming: incoming)
                    feed.yield(.copied(file, await Self.copy(entry, to: target, context)))
                }
            })
    }

    private static func copy(_ entry: TaskFileEntry, to target: String, _ context: NodeContext) async -> Bool {
        guard let digest = SHA1Digest(hex: entry.hash), let slash = target.lastIndex(of: "/") else { return false }
        do throws(FileFailure) {
            try NodeFiles.makeDirectory(String(target[..<slash]))
            if entry.size == 0 {
                try NodeFiles.write([], to: target)
                return true
            }
        } catch { return false }
        // A file that was found may have been removed since: try another.
        for _ in 0..<3 {
            guard let source = await context.library.find(digest, size: entry.size) else { return false }
            if await context.library.copy(from: source, to: target, expecting: digest, size: entry.size) { return true }
        }
        return false
    }

    private func probe(_ method: DeliveryMethod) {
        let probe = SourceProbe(task: task, context: context)
        let files = task.remainingFiles()[method]
        let missing = machine.status(method).files
        children.append(
            Task { [feed] in
                feed.yield(.probed(method, await probe.run(method, files: missing.isEmpty ? files : missing)))
            })
    }

    private func verify(_ file: Int) {
        let entry = task.fileList[file]
        let path = Self.place(of: entry, task, incoming: incoming)
        let checks = checks
        children.append(
            Task { [feed] in
                let isRight = await checks.run(path) {
                    await Threads.offload { FileCheck.isRight(path, hash: entry.hash, size: entry.size) }
                }
                feed.yield(.verified(file, isRight: isRight))
            })
    }

    /// The data of a file is wrong: fetch it again.
    private func discard(_ file: Int) async {
        verified.forget(file)
        reported.remove(file)
        for part in fetching?.parts ?? [] {
            if let index = part.files[file], await part.transfer.refetch(file: index) { return }
        }
        let staging = context.places.staging
        staging.remove(Self.place(of: task.fileList[file], task, incoming: incoming))
        for record in ["peers", "others"] { staging.remove("\(work)/\(record)") }
        await beginFetching()
    }

    // MARK: The end

    private func publish() {
        guard let publication else { return }
        let (publications, context, name) = (publications, context, name)
        let torrent = torrents.full ?? torrents.served
        let moved = movesWithContent ? fetching?.peers?.transfer : nil
        let stopped = (fetching?.parts ?? []).map(\.transfer).filter { $0 !== moved }
        children.append(
            Task { [feed] in
                // Descriptors for writing must be closed before the content is moved.
                for transfer in stopped { await transfer.stop() }
                let problem = await publications.run(publication.final) {
                    await Self.publish(publication, torrent: torrent, moving: moved, clock: context.clock)
                }
                if let problem {
                    context.log(.error, "content cannot be published", task: name, ["reason": "\(problem)"])
                }
                feed.yield(.published(problem))
            })
    }

    /// Whether the transfer that serves peers has all of its torrent, and can continue from the final place.
    private var movesWithContent: Bool {
        guard let torrent = torrents.served, let part = fetching?.peers, machine.plan.seedTime > 0 else { return false }
        let files = torrent.info.layout.files
        return files.indices.allSatisfy {
            files[$0].isPadding || files[$0].length == 0 || part.places[$0] != nil
        }
    }

    private static func publish(
        _ publication: Publication, torrent: Torrent?, moving transfer: Transfer?, clock: any NodeClock
    ) async -> String? {
        let prepared = await Threads.offload { () -> String? in
            do throws(FileFailure) {
                try publication.checkNeighbours()
                if publication.standing() == .unchecked { try publication.recordChecked() }
                if let torrent {
                    let slash = publication.final.lastIndex(of: "/") ?? publication.final.startIndex
                    try NodeFiles.makeDirectory(String(publication.final[..<slash]))
                    try NodeFiles.write(torrent.encode(), to: publication.final + ".torrent")
                }
                return nil
            } catch {
                return error.description
            }
        }
        if let prepared { return prepared }
        if let transfer {
            // The transfer may still be making its last pieces durable.
            for _ in 0..<60 where await transfer.status().state != .seeding { await clock.sleep(seconds: 0.1) }
            do {
                try await transfer.relocate(to: publication.final) { try publication.publish() }
                return nil
            } catch {
                await transfer.stop()
            }
        }
        return await Threads.offload { () -> String? in
            do throws(FileFailure) {
                try publication.publish()
                return nil
            } catch {
                return error.description
            }
        }
    }

    /// Adds verified files to the library, so that it need not read them again.
    func noteInLibrary() async {
        guard let final = context.places.final(task) else { return }
        for entry in task.fileList {
            guard let digest = SHA1Digest(hex: entry.hash) else { continue }
            let path = Self.place(of: entry, task, incoming: final)
            await context.library.note(path, digest: digest, size: entry.size)
        }
    }

    /// The content is at its final place: updates the task file and notifies others.
    func afterPublication() async {
        if task.finishedTime.isEmpty { task.finishedTime = context.clock.text }
        save()
        guard state == .downloading, move(to: .downloaded) else { return }
        context.metrics.add(to: .receivesFinished)
        context.log(.info, "delivery complete", task: name, ["bytes": "\(task.totalSize)"])
        context.notify("downloaded", task: name, path: context.directories.path(.receiver, state, name))
        balanceAtEnd()
        await hooks.placeIsFree(name)
    }

    private func fail(_ failure: DeliveryFailure) async {
        let (text, method): (String, DeliveryMethod) =
            switch failure {
            case .wrongContent(let file):
                (
                    "\(task.fileList[file].file) is not what its SHA-1 in filelist says, wherever it is fetched from",
                    machine.owner(of: file) ?? .bt
                )
            case .noMethod(let file): ("no method may fetch \(task.fileList[file].file)", .bt)
            case .cannotPublish(let reason): ("the content cannot be put at its final place: \(reason)", .bt)
            }
        context.log(.error, "delivery failed", task: name, ["reason": "\(text)"])
        context.metrics.add(to: .receivesFailed)
        do throws(FileFailure) {
            try context.directories.fail(
                name, .receiver, from: state, details: text, suffix: TaskDirectories.errorSuffix(method.rawValue))
            state = .failed
        } catch {
            context.log(.error, "task file cannot be moved", task: name, ["reason": "\(error)"])
        }
        board.update { $0.notes = text }
        context.notify(
            "failed", task: name, path: context.directories.path(.receiver, .failed, name), details: text)
        hasEnded = true
    }
}
