import Metainfo
import Policy
import Swarm
import Synchronization
import Threads

// Carrying out what the machine says.
extension JobRunner {
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
                if !machine.plan.keepsContent, record.completed == nil {
                    record.completed = host.clock.now.wall
                    await save()
                    await hooks.placeIsFree(job.name)
                    host.log(.info, "share complete, serving", job.name)
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
        if isActive { await makeEmptyFiles(Set(files)) }
        let known = Set(fetching?.parts.flatMap { $0.indices.keys } ?? [])
        if isActive, !known.isSuperset(of: files.filter { job.files[$0].size > 0 }) {
            await beginFetching()
        } else {
            await fetching?.set(method, files: files, isActive: isActive, rateLimit: rateLimit(method))
            await fetching?.reserve(machine.filesOfSources)
        }
    }

    private func rateLimit(_ method: DeliveryMethod) -> Int? { job.rateLimits[method] }

    /// Starts the transfers, or starts them again for what is missing now.
    func beginFetching() async {
        await endTransfers()
        diskRetry.begun()
        let missing = Set(DeliveryMethod.allCases.flatMap { machine.status($0).files })
        await makeEmptyFiles(missing)
        // What is here already stays in the transfers: peers want it.
        let here = Set(job.files.indices.filter { machine.owner(of: $0) != nil })
        let wanted = missing.union(here)
        do {
            let begun = try await Fetching.begin(job, wanted: wanted, host: host, outsideLimit: outsideLimit)
            if isStopped { return await begun.stop() }
            fetching = begun
            await begun.setOutsideLimit(outsideLimit)
            // Their records contain the bytes of earlier runs.
            figures.transfersBegan()
            for part in begun.parts { follow(part) }
            for method in DeliveryMethod.allCases {
                let status = machine.status(method)
                await begun.set(
                    method, files: status.files, isActive: status.isActive, rateLimit: rateLimit(method))
            }
            await begun.reserve(machine.filesOfSources)
            // A transfer gives from its beginning unless it is told otherwise.
            if !machine.plan.gives { await begun.peers?.transfer.setSeeding(false) }
        } catch {
            feed.yield(.transferFailed("\(error)"))
        }
    }

    /// Empty files are in no piece, and some torrents leave them out.
    private func makeEmptyFiles(_ files: Set<Int>) async {
        let empty = files.filter { job.files[$0].size == 0 }
        guard !empty.isEmpty else { return }
        await Threads.offload { [job] in
            for file in empty {
                let path = job.path(of: file, in: job.places.incoming)
                guard let slash = path.lastIndex(of: "/") else { continue }
                try? PathFiles.makeDirectory(String(path[..<slash]))
                try? PathFiles.write([], to: path)
            }
        }
        for file in empty { feed.yield(.fileComplete(file)) }
    }

    private func follow(_ part: Fetching.Part) {
        children.add { [feed, job, host] in
            for await event in part.transfer.events {
                switch event {
                case .fileComplete(let index):
                    if let place = part.places[index] { feed.yield(.fileComplete(place)) }
                case .failed(let error): feed.yield(.transferFailed(error.description))
                case .complete: for place in part.indices.keys { feed.yield(.fileComplete(place)) }
                case .warning(let text):
                    host.log(.notice, "transfer warning", job.name, ["warning": "\(text)"])
                default: break
                }
            }
        }
    }

    private func setSeeding(_ isOn: Bool) async {
        await fetching?.peers?.transfer.setSeeding(isOn)
        await seed?.setSeeding(isOn)
    }

    // MARK: Copies, probes, checks

    private func copy(_ files: [Int]) {
        children.add { [feed, job, host] in
            for file in files {
                if Task.isCancelled { return }
                let target = job.path(of: file, in: job.places.incoming)
                feed.yield(.copied(file, await Self.copy(job.files[file], to: target, host.library)))
            }
        }
    }

    private static func copy(_ file: JobFile, to target: String, _ library: any ContentLibrary) async -> Bool {
        guard let digest = file.digest, let slash = target.lastIndex(of: "/") else { return false }
        let isPlaced = await Threads.offload { () -> Bool in
            do throws(FileFailure) {
                try PathFiles.makeDirectory(String(target[..<slash]))
                if file.size == 0 { try PathFiles.write([], to: target) }
                return true
            } catch { return false }
        }
        guard isPlaced, file.size > 0 else { return isPlaced }
        // A file that was found may have been removed since: try another.
        for _ in 0..<3 {
            guard let source = await library.find(digest, size: file.size) else { return false }
            if await library.copy(from: source, to: target, expecting: digest, size: file.size) { return true }
        }
        return false
    }

    /// Whether a method that had no source left has one again.
    private func probe(_ method: DeliveryMethod) {
        let missing = machine.status(method).files
        let share = job.plan.homes.indices.filter { job.plan.homes[$0] == method && !record.local.contains($0) }
        let probe = SourceProbe(job: job, method: method, files: missing.isEmpty ? share : missing)
        children.add { [feed] in feed.yield(.probed(method, await probe.run())) }
    }

    private func verify(_ index: Int) {
        let (path, file) = (job.path(of: index, in: job.places.incoming), job.files[index])
        children.add { [feed, host] in
            let isRight = await host.checks.run(path) {
                await Threads.offload { FileCheck.isRight(path, file) }
            }
            feed.yield(.verified(index, isRight: isRight))
        }
    }

    /// The data of a file is wrong: fetch it again.
    private func discard(_ file: Int) async {
        checked.forget(file)
        reported.remove(file)
        for part in fetching?.parts ?? [] {
            if let index = part.indices[file], await part.transfer.refetch(file: index) { return }
        }
        await Threads.offload { [job] in
            let places = job.places
            places.staging.remove(job.path(of: file, in: places.incoming))
            for record in ["peers", "others"] { places.staging.remove("\(places.work)/\(record)") }
        }
        await beginFetching()
    }

    // MARK: The end

    private func publish() {
        guard let publication = job.places.publication else { return }
        let torrent = (job.torrents.full ?? job.torrents.served)?.torrent
        let moved = movesWithContent ? fetching?.peers?.transfer : nil
        let stopped = (fetching?.parts ?? []).map(\.transfer).filter { $0 !== moved }
        children.add { [weak self, feed, job, host, hooks, interruption] in
            // Descriptors for writing are closed before the content moves.
            for transfer in stopped { await transfer.stop() }
            var problem = await Threads.offload { Self.prepare(publication) }
            if interruption.isSet { return }
            if problem == nil {
                guard await hooks.mayPublish(job.name) else { return }
                await Self.waitUntilDurable(moved, interruption, clock: host.clock)
                let end = await host.publications.run(publication.final) { [weak self] () -> PublicationEnd? in
                    await self?.takeStep {
                        await Self.publish(publication, torrent: torrent, moving: moved, interruption)
                    }
                }
                guard let end else { return }
                problem = end.problem
            }
            if let problem {
                host.log(.error, "content cannot be published", job.name, ["reason": "\(problem)"])
            }
            feed.yield(.published(problem))
        }
    }

    /// Whether the transfer that serves peers has all of its torrent, and can continue from the final place.
    private var movesWithContent: Bool {
        guard let served = job.torrents.served, let part = fetching?.peers, machine.plan.seedTime > 0,
            machine.plan.gives
        else {
            return false
        }
        let files = served.torrent.info.layout.files
        return files.indices.allSatisfy {
            files[$0].isPadding || files[$0].length == 0 || part.places[$0] != nil
        }
    }

    /// Makes the content durable, and says in the job's record that it was checked.
    private static func prepare(_ publication: Publication) -> String? {
        do throws(FileFailure) {
            try publication.checkNeighbours()
            if publication.standing() == .unchecked { try publication.recordChecked() }
            return nil
        } catch {
            return error.description
        }
    }

    /// The transfer may still be making its last pieces durable.
    private static func waitUntilDurable(
        _ transfer: Transfer?, _ interruption: Interruption, clock: any JobClock
    ) async {
        guard let transfer else { return }
        for _ in 0..<60 where await transfer.status().state != .seeding {
            if interruption.isSet { return }
            await clock.sleep(seconds: 0.1)
        }
    }

    private static func publish(
        _ publication: Publication, torrent: Torrent?, moving transfer: Transfer?, _ interruption: Interruption
    ) async -> String? {
        let prepared = await Threads.offload { () -> String? in
            do throws(FileFailure) {
                if let torrent, publication.marker != nil {
                    let slash = publication.final.lastIndex(of: "/") ?? publication.final.startIndex
                    try PathFiles.makeDirectory(String(publication.final[..<slash]))
                    try PathFiles.write(torrent.encode(), to: publication.final + ".torrent")
                }
                return nil
            } catch {
                return error.description
            }
        }
        if let prepared { return prepared }
        if let transfer {
            let failure = Mutex<FileFailure?>(nil)
            do {
                try await transfer.relocate(to: publication.final) {
                    do throws(FileFailure) { try publication.publish(isInterrupted: { interruption.isSet }) } catch {
                        failure.withLock { $0 = error }
                        throw error
                    }
                }
                return nil
            } catch {
                await transfer.stop()
                // A rename may succeed once nobody has the content open. A copy of hours is not made twice.
                if let failure = failure.withLock({ $0 }), await Threads.offload({ publication.copiesContent }) {
                    return failure.description
                }
            }
        }
        return await Threads.offload { () -> String? in
            do throws(FileFailure) {
                try publication.publish(isInterrupted: { interruption.isSet })
                return nil
            } catch {
                return error.description
            }
        }
    }

    /// Adds verified files to the library, so that it need not read them again.
    func noteInLibrary() async {
        guard let final = job.places.final else { return }
        for (index, file) in job.files.enumerated() {
            guard let digest = file.digest else { continue }
            await host.library.note(job.path(of: index, in: final.path), digest: digest, size: file.size)
        }
    }

    /// The content is at its final place: the record says so, and whoever wants to know is told.
    func afterPublication() async {
        if record.completed == nil { record.completed = host.clock.now.wall }
        await save()
        guard state == .receiving else { return }
        // Before the move: whoever sees the new state sees all of the content counted, of a short transfer too, which ended
        // before the first look at it.
        _ = await sources()
        await balanceAtEnd()
        guard await move(to: .serving) else { return }
        await saveReceived()
        hooks.count(.complete, 1)
        host.log(.info, "delivery complete", job.name, ["bytes": "\(job.totalSize)"])
        hooks.event(job.name, .complete)
        await hooks.placeIsFree(job.name)
    }

    private func fail(_ cause: DeliveryFailure) async {
        let failure = JobFailure(cause, job, machine)
        host.log(.error, "delivery failed", job.name, ["reason": "\(failure)"])
        hooks.count(.failed, 1)
        do throws(FileFailure) {
            try await Threads.offload { [store, job, state] () throws(FileFailure) in
                try store.fail(job.name, from: state, failure)
            }
            enter(.failed)
        } catch {
            host.log(.error, "job cannot change its state", job.name, ["reason": "\(error)"])
        }
        board.update { $0.notes = failure.description }
        hooks.event(job.name, .failed(failure))
        await discardPartial()
        hasEnded = true
    }
}

extension JobRunner {
    /// Removes what a publication that failed has left.
    private func discardPartial() async { await job.places.publication?.discardPartial(inTurn: host.publications) }
}

extension JobFailure {
    /// The failure in words, put down to the method that has the file.
    fileprivate init(_ cause: DeliveryFailure, _ job: Job, _ machine: DeliveryMachine) {
        switch cause {
        case .wrongContent(let file):
            self.init(
                cause, method: machine.owner(of: file) ?? .bt,
                description: "\(job.files[file].path) is not what its SHA-1 says, wherever it is fetched from")
        case .noMethod(let file):
            self.init(cause, method: .bt, description: "no method may fetch \(job.files[file].path)")
        case .cannotPublish(let reason):
            self.init(
                cause, method: .bt, description: "the content cannot be put at its final place: \(reason)")
        }
    }
}
