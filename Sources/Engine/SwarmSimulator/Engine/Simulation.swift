import Hashing
import Metainfo
import PeerWire
import SwarmCore
import Text

/// Runs the decisions of `SwarmCore` for every host of a scenario on a virtual clock.
///
/// Must never make a decision that the product's hosts make: it only carries out actions, as the shell does. The same
/// scenario gives the same result on every machine: events are totally ordered, and nothing depends on the order of a
/// hash table.
package final class Simulation {
    let scenario: Scenario
    let layout: ContentLayout
    package var hosts: [SimulatedHost] = []
    var queue = EventQueue()
    var tracker = SimulatedTracker()
    var random: SeededGenerator
    var now = 0.0
    /// Messages in flight, except for requests and messages about pieces.
    var mail: [Message?] = []
    var freeMail: [Int32] = []
    package var connectionSerial: Int32 = 0
    /// The shared uplink and downlink of each site.
    var siteUp: [Pipe]
    var siteDown: [Pipe]
    /// Receivers that have not finished, including those that have not joined yet.
    var unfinished = 0
    var events = 0
    /// For each host, the number of pieces it has finished.
    var finishedCounts: ContiguousArray<Int32>
    /// Scratch buffer for the host that reads announcements, kept to reuse its memory.
    private var news: [Hearing.News] = []
    let hasPoisoners: Bool
    /// Digest that stands for any correct block.
    let trueDigest = SHA1.digest([0])

    package init(_ scenario: Scenario) throws(MetainfoError) {
        self.scenario = scenario
        guard let path = try? SafePath("content") else { throw .noContent }
        layout = try ContentLayout(
            pieceLength: scenario.pieceLength, files: [FileEntry(path: path, length: scenario.contentLength, offset: 0)]
        )
        hasPoisoners = scenario.hosts.contains(where: \.isPoisoner)
        random = SeededGenerator(seed: scenario.seedNumber)
        finishedCounts = ContiguousArray(repeating: 0, count: scenario.hosts.count)
        siteUp = scenario.sites.map { Pipe(rate: $0.up ?? .infinity) }
        siteDown = scenario.sites.map { Pipe(rate: $0.down ?? .infinity) }
    }

    /// Runs until every receiver that stays has finished, or the scenario's time limit is reached.
    package func run() -> SimulationResult {
        prepare()
        while unfinished > 0, let event = queue.next(), event.time <= scenario.timeLimit {
            now = max(now, event.time)
            events += 1
            handle(event)
        }
        return SimulationResult(of: self)
    }

    private func prepare() {
        let empty = PieceSet(size: layout.pieceCount)
        let full = PieceSet(full: layout.pieceCount)
        var configuration = scenario.configuration
        configuration.blockLength = scenario.blockLength
        configuration.longestRequest = max(configuration.longestRequest, scenario.blockLength)
        configuration.openBytes = max(configuration.openBytes, 2 * layout.pieceLength)
        let seedCount = scenario.hosts.count { $0.role == .seed }
        var seeds = 0
        for (index, setup) in scenario.hosts.enumerated() {
            let hasContent = setup.role == .seed || setup.isPoisoner
            configuration.egress = setup.role == .seed ? scenario.egress : nil
            let machine = SwarmMachine(
                layout: layout, wanted: full, have: hasContent ? full : empty, configuration: configuration,
                seed: random.next(), now: setup.joinsAt)
            hosts.append(
                SimulatedHost(index: index, setup: setup, machine: machine, network: scenario.network))
            if scenario.egress != nil, setup.role == .seed {
                hosts[index].machine.setShare(OwnerShare(index: seeds, of: seedCount), now: setup.joinsAt)
                seeds += 1
            }
            if setup.servesNobody { hosts[index].machine.setServing(false, now: setup.joinsAt) }
            // Seeds join before the hosts that need them.
            let spread = hasContent ? 0 : Double.random(in: 0...scenario.network.joinSpread, using: &random)
            schedule(.join, index, at: setup.joinsAt + spread)
            if let leavesAt = setup.leavesAt { schedule(.leave, index, at: leavesAt) }
            if setup.isAwaited { unfinished += 1 }
        }
    }

    func schedule(_ kind: Event.Kind, _ host: Int, at time: Double) {
        queue.schedule(Event(time: time, kind: kind, host: Int32(host)))
    }

    private func handle(_ event: Event) {
        let host = hosts[Int(event.host)]
        switch event.kind {
        case .join: return join(host)
        case .leave: return leave(host)
        default: guard host.isPresent else { return }
        }
        switch event.kind {
        case .join, .leave: break
        case .tick: tick(host)
        case .announcements: hearAnnouncements(host)
        case .announce: announce(host)
        case .exchange: exchange(host)
        case .dialled: dialled(host, event.slot)
        case .further: furtherConnected(host, event)
        case .request:
            guard let link = host.links[Int(event.slot)], link.serial == event.serial else { return }
            let request = BlockRequest(index: UInt32(event.a), begin: UInt32(event.b), length: UInt32(event.c))
            host.machine.received(.request(request), from: link.key, now: now)
            carryOut(host)
        case .block: blockArrived(host, event)
        case .message:
            guard let message = mail[Int(event.a)] else { return }
            mail[Int(event.a)] = nil
            freeMail.append(event.a)
            guard let link = host.links[Int(event.slot)], link.serial == event.serial else { return }
            host.machine.received(message, from: link.key, now: now)
            carryOut(host)
        case .uplink: uplinkDue(host)
        case .resume:
            guard let link = host.links[Int(event.slot)], link.serial == event.serial else { return }
            host.links[Int(event.slot)]?.isSending = false
            startSending(host, event.slot)
        case .verified: verified(host, Int(event.a))
        }
    }

    private func tick(_ host: SimulatedHost) {
        host.ticks += 1
        host.machine.tick(now: now)
        if let told = host.efficiency.tellUplink(host.machine.uplink.measured, now: now) { tellUplink(told, of: host) }
        if host.ticks % 10 == 0 { judgeEfficiency(host) }
        if host.ticks % 2 == 0 { adjustFurtherConnections(host) }
        dial(host)
        carryOut(host)
        schedule(.tick, Int(host.index), at: now + scenario.network.tickInterval)
    }

    /// Tells peers the uplink, as an extension handshake does in the program. No decision depends on its timing, so it
    /// takes no time here.
    private func tellUplink(_ bytesPerSecond: Int, of host: SimulatedHost) {
        for link in host.links {
            guard let link else { continue }
            hosts[Int(link.other)].machine.update(peerKey(of: link)) { $0.uplink = bytesPerSecond }
        }
    }

    private func judgeEfficiency(_ host: SimulatedHost) {
        let (downloaded, uploaded) = host.machine.transferred
        host.efficiency.look(
            EfficiencyWatch.Look(
                now: now, downloaded: downloaded - host.machine.wastedBytes, uploaded: uploaded, effort: host.effort,
                workers: 1, supply: host.machine.isFinished ? nil : host.machine.supply,
                isWaitedFor: host.machine.hasUploadsWaiting, uplink: host.machine.uplink.measured, downloadLimit: nil))
    }

    /// Delivers the `have` messages of all neighbours since the last check, as one event.
    private func hearAnnouncements(_ host: SimulatedHost) {
        host.hearing.listen(finishedCounts, into: &news)
        for item in news {
            guard let key = host.links[Int(item.slot)]?.key else { continue }
            let pieces = hosts[Int(item.other)].finishedPieces
            for index in item.pieces { host.machine.received(.have(UInt32(pieces[index])), from: key, now: now) }
            if host.machine.hasActions { carryOut(host) }
        }
        let network = scenario.network
        let isCrowded = host.linkCount >= host.machine.configuration.announcementsShareFrom && !host.machine.isFinished
        schedule(
            .announcements, Int(host.index), at: now + (isCrowded ? network.crowdedInterval : network.announceInterval))
    }

    // MARK: Carrying out

    func carryOut(_ host: SimulatedHost) {
        while host.machine.hasActions {
            var actions: [SwarmAction] = []
            swap(&actions, &host.actions)
            host.machine.takeActions(into: &actions)
            for action in actions { perform(action, host) }
            swap(&actions, &host.actions)
        }
    }

    private func perform(_ action: SwarmAction, _ host: SimulatedHost) {
        switch action {
        case .send(let key, let message): send(message, from: host, to: key)
        case .announce(let piece):
            guard !host.setup.isSilent else { return }
            host.finishedPieces.append(Int32(piece.value))
            finishedCounts[Int(host.index)] += 1
            spendOnAnnouncement(host)
        case .upload(let key): startSending(host, key.slot)
        case .verify(let piece, _):
            let hashing = Double(layout.length(of: piece)) / scenario.network.hashRate
            host.effort.hashing += hashing
            let seconds = hashing + 0.0005
            queue.schedule(Event(time: now + seconds, kind: .verified, host: host.index, a: Int32(piece.value)))
        case .finished:
            guard host.finishedAt == nil else { return }
            host.finishedAt = now
            judgeEfficiency(host)
            if host.setup.isAwaited { unfinished -= 1 }
        case .ban(let key):
            guard let link = host.link(key) else { return }
            host.book.ban(link.other)
            host.admission.ban(link.other, at: link.other)
            disconnect(host, key)
        case .disconnect(let key, let reason):
            guard let link = host.link(key) else { return }
            if reason == .redundant { host.book.shun(link.other) } else { host.book.failed(link.other, now: now) }
            disconnect(host, key, isRedundant: reason == .redundant)
        case .close(let piece): host.tainted[piece.value] = nil
        case .open, .divert, .fetch, .cancelFetch: break
        }
    }

    private func send(_ message: Message, from host: SimulatedHost, to key: PeerKey) {
        guard let link = host.link(key) else { return }
        let other = hosts[Int(link.other)]
        switch message {
        case .haveAll, .haveNone, .bitfield:
            // Part of the handshake.
            other.machine.received(message, from: peerKey(of: link), now: now)
            carryOut(other)
        case .request(let request):
            queue.schedule(
                Event(
                    time: now + delay(from: host, to: other), kind: .request, host: other.index, slot: link.otherSlot,
                    serial: link.serial, a: Int32(request.index), b: Int32(request.begin), c: Int32(request.length)))
        default:
            let place = freeMail.popLast() ?? Int32(mail.count)
            if Int(place) == mail.count { mail.append(message) } else { mail[Int(place)] = message }
            queue.schedule(
                Event(
                    time: now + delay(from: host, to: other), kind: .message, host: other.index, slot: link.otherSlot,
                    serial: link.serial, a: place))
        }
    }

    func peerKey(of link: Link) -> PeerKey {
        hosts[Int(link.other)].links[Int(link.otherSlot)]?.key ?? link.key
    }

    /// Seconds for a message from its sender to its receiver.
    func delay(from host: SimulatedHost, to other: SimulatedHost) -> Double {
        let network = scenario.network
        let delay = host.setup.site == other.setup.site ? network.delayInSite : network.delayBetweenSites
        return delay + (host.uplink.isBusy ? network.queueDelay : 0)
    }
}
