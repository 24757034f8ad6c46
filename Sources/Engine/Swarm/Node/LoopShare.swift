import Hashing
import Reactor

/// One event loop of a process: what the torrents pinned to it share there, its part of the shelf, and the connections that come
/// to it from the loop that listens. Its state lives on the loop, which is this actor's executor.
actor LoopShare {
    nonisolated let loop: EventLoop
    /// What the process's limits are drawn from, where there are several loops.
    private nonisolated let limits: SharedLimits?
    /// Nil until a torrent is pinned here, and after the end.
    private var context: EngineContext?
    private var shelf: ShelfService?

    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    init(loop: EventLoop, limits: SharedLimits?) {
        self.loop = loop
        self.limits = limits
    }

    /// What torrents share here, with what is new in `parts`.
    func context(_ parts: NodeParts, in loops: NodeLoops) -> LoopBound<EngineContext> {
        var context = self.context ?? makeContext(parts, loops)
        context.listenAddress = parts.listenAddress
        self.context = context
        return LoopBound(context, on: loop)
    }

    private func makeContext(_ parts: NodeParts, _ loops: NodeLoops) -> EngineContext {
        let (down, up) = loops.limitsNow
        var context = parts.context(
            on: loop, limits: TransferLimits(down: down, up: up, parent: nil, shared: limits, now: loop.now))
        context.sent = loops.sent
        return context
    }

    func serve(_ shelf: any Shelf, _ parts: NodeParts, options: TransferOptions, in loops: NodeLoops) {
        let context = context(parts, in: loops).value
        self.shelf?.stop()
        self.shelf = ShelfService(
            shelf, context: context, options: options, limits: parts.configuration.shelf, total: loops.awake,
            makeRoom: { [loop] in
                for other in loops.shares where other.loop !== loop {
                    other.loop.post { other.assumeIsolated { $0.shelf?.makeRoom() } }
                }
            })
    }

    /// The limits of the process are others now.
    func limitsChanged(in loops: NodeLoops) {
        let (down, up) = loops.limitsNow
        context?.limits.set(down: down, up: up, now: loop.now)
        for transfer in loops.places.transfers where transfer.loop === loop {
            transfer.assumeIsolated { $0.limitsChanged() }
        }
        shelf?.limitsChanged()
    }

    /// Ends a torrent of the shelf, which the next peer opens anew.
    func closeShelved(_ hash: SHA1Digest) { shelf?.close(hash) }

    /// Nobody is taken in any more. Transfers are stopped by their owners.
    func close() {
        shelf?.stop()
        shelf = nil
        context = nil
    }

    // MARK: Connections

    /// Gives a connection on this loop the torrent that it asks for, now or later; where that lives on another loop, the
    /// connection goes there.
    func find(_ wrapped: LoopBound<PeerConnection>, _ search: TorrentSearch) {
        let connection = wrapped.value
        var search = search
        while let transfer = search.transfers.first {
            guard transfer.loop === loop else { return move(connection, to: transfer.loop, search) }
            search.transfers.removeFirst()
            transfer.assumeIsolated { $0.attach(wrapped, to: search.hash) }
            if connection.owner != nil { return }
        }
        guard let shelf, let pin = search.pin ?? shelf.pin(search.hash, in: search.loops.places) else { return }
        search.pin = pin
        guard pin.loop === loop else { return move(connection, to: pin.loop, search) }
        shelf.attach(connection, to: search.hash, pin)
    }

    private func move(_ connection: PeerConnection, to loop: EventLoop, _ search: TorrentSearch) {
        guard let transit = connection.depart() else { return }
        let share = search.loops.share(on: loop)
        loop.post { share.assumeIsolated { $0.takeIn(transit, search) } }
    }

    private func takeIn(_ transit: ConnectionInTransit, _ search: TorrentSearch) {
        guard let context else { return }
        let connection = PeerConnection(
            arriving: transit, loop: loop, staging: context.staging, tunables: context.tunables)
        find(LoopBound(connection, on: loop), search)
        connection.arrive()
    }
}

/// Who may have the torrent that a connection asks for: those who are left to ask, in order. It goes with the connection from
/// loop to loop, and passes each transfer once.
struct TorrentSearch: Sendable {
    let hash: SHA1Digest
    let loops: NodeLoops
    var transfers: ArraySlice<Transfer>
    /// Where the torrent of a shelf lives, asked last.
    var pin: TorrentPin?

    init(_ hash: SHA1Digest, in loops: NodeLoops) {
        self.hash = hash
        self.loops = loops
        transfers = loops.places.transfers(of: hash)[...]
    }
}
