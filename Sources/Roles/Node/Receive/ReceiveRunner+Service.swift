import Delivery
import Swarm
import Threads

// Seeding of complete content, and its end.
extension ReceiveRunner {
    /// The content was at its final place before a restart.
    func beginService() async {
        let since = servedSince ?? context.clock.now.wall
        loadReceived()
        balanceAtEnd()
        await hooks.placeIsFree(name)
        machine = DeliveryMachine(
            plan: machine.plan, clock: context.clock.calendar, seedingUntil: since + Double(machine.plan.seedTime))
        if machine.plan.usable.contains(.bt), !machine.plan.torrentFiles.isEmpty, machine.plan.seedTime > 0 {
            await serve()
        }
        await watchService()
    }

    /// Seeds from the content's current place.
    func serve() async {
        guard seed == nil, let torrent = torrents.served else { return }
        let place = context.places.final(task) ?? incoming
        // The transfer that downloaded the content continues, unless publication had to stop it.
        if let part = fetching?.peers, await part.transfer.status().state == .seeding {
            seed = part.transfer
            figures.transfersEnded(Self.received(in: await sources()))
            fetching = nil
            board.update { $0.isSeeding = true }
            return
        }
        await settleTransfers()
        var options = context.transferOptions
        options.fast = true
        do {
            let transfer = try await context.swarm.seed(torrent: torrent, path: place, options: options)
            seed = transfer
            let board = board
            children.append(
                Task { [name, context] in
                    for await event in transfer.events {
                        switch event {
                        case .complete: board.update { $0.isSeeding = true }
                        case .failed(let error):
                            board.update { $0.isSeeding = false }
                            context.log(.warning, "serving ended early", task: name, ["reason": "\(error)"])
                        default: break
                        }
                    }
                })
        } catch {
            context.log(.warning, "content cannot be served", task: name, ["reason": "\(error)"])
        }
    }

    /// The machine is finished: seeding is over, or there was nothing to seed.
    func finish() async {
        await seed?.stop()
        seed = nil
        await settleTransfers()
        board.update { $0.isSeeding = false }
        if context.places.role == .cacher {
            let (incoming, work, staging) = (incoming, work, context.places.staging)
            // The move of the task file marks the end. The data is removed first, so that none is left behind.
            await Threads.offload {
                staging.remove(incoming)
                staging.remove(work)
            }
            if task.finishedTime.isEmpty { task.finishedTime = context.clock.text }
            save()
            _ = move(to: .downloaded)
            context.notify("finished", task: name, path: context.directories.path(.receiver, state, name))
            hasEnded = true
            return
        }
        await watchService()
    }

    /// Moves a task to `history` when its seed time is over, whether or not it had anything to seed.
    func watchService() async {
        guard state == .downloaded, !hasEnded else { return }
        if case .seeding = machine.phase, machine.plan.usable.contains(.bt), machine.plan.seedTime > 0,
            !machine.plan.torrentFiles.isEmpty
        {
            return
        }
        let since = servedSince ?? context.clock.now.wall
        guard context.clock.now.wall >= since + Double(machine.plan.seedTime) else { return }
        let (work, staging) = (work, context.places.staging)
        await Threads.offload { staging.remove(work) }
        _ = move(to: .history)
        context.notify("finished", task: name, path: context.directories.path(.receiver, state, name))
        context.log(.info, "task served to its end", task: name)
        hasEnded = true
    }
}
