import Policy
import Swarm
import Threads

// Serving what is complete, and the end of that.
extension JobRunner {
    /// The content was at its final place before a restart.
    func beginService() async {
        let since = record.completed ?? host.clock.now.wall
        await loadReceived()
        await balanceAtEnd()
        await hooks.placeIsFree(job.name)
        machine = DeliveryMachine(
            plan: machine.plan, clock: host.clock.calendar, seedingUntil: since + Double(machine.plan.seedTime))
        if machine.plan.gives, machine.plan.usable.contains(.bt), !machine.plan.torrentFiles.isEmpty,
            machine.plan.seedTime > 0
        {
            await serve()
        }
        await watchService()
    }

    /// Seeds from the content's current place.
    func serve() async {
        guard seed == nil, let torrent = job.torrents.served?.torrent else { return }
        let place = job.places.final?.path ?? job.places.incoming
        // The transfer that fetched it goes on, unless publication had to stop it.
        if let part = fetching?.peers, await part.transfer.status().state == .seeding {
            seed = part.transfer
            figures.transfersEnded(Self.received(in: await sources()), most: mostBytes)
            fetching = nil
            board.update { $0.isSeeding = true }
            return
        }
        await endTransfers()
        var options = host.transferOptions
        options.fast = true
        do {
            let transfer = try await host.swarm.seed(torrent: torrent, path: place, options: options)
            seed = transfer
            let board = board
            children.add { [job, host] in
                for await event in transfer.events {
                    switch event {
                    case .complete: board.update { $0.isSeeding = true }
                    case .failed(let error):
                        board.update { $0.isSeeding = false }
                        host.log(.warning, "serving ended early", job.name, ["reason": "\(error)"])
                    default: break
                    }
                }
            }
        } catch {
            host.log(.warning, "content cannot be served", job.name, ["reason": "\(error)"])
        }
    }

    /// The machine is finished: seeding is over, or there was nothing to seed.
    func finish() async {
        await seed?.stop()
        seed = nil
        await endTransfers()
        board.update { $0.isSeeding = false }
        if !machine.plan.keepsContent {
            let places = job.places
            // The mark of its end is the move; data goes first, so that none is left behind.
            await Threads.offload {
                places.staging.remove(places.incoming)
                places.staging.remove(places.work)
            }
            if record.completed == nil { record.completed = host.clock.now.wall }
            await save()
            _ = await move(to: .over)
            hooks.event(job.name, .finished)
            hasEnded = true
            return
        }
        await watchService()
    }

    /// A job whose service time is over has ended, whether or not it had anything to serve.
    func watchService() async {
        guard state == .serving, !hasEnded else { return }
        if case .seeding = machine.phase, machine.plan.gives, machine.plan.usable.contains(.bt),
            machine.plan.seedTime > 0,
            !machine.plan.torrentFiles.isEmpty
        {
            return
        }
        let since = record.completed ?? host.clock.now.wall
        guard host.clock.now.wall >= since + Double(machine.plan.seedTime) else { return }
        let places = job.places
        await Threads.offload { places.staging.remove(places.work) }
        _ = await move(to: .over)
        hooks.event(job.name, .finished)
        host.log(.info, "task served to its end", job.name)
        hasEnded = true
    }
}
