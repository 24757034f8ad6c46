import Hashing
import Metainfo
import PeerWire
import SwarmCore

/// Transfer of blocks over uplinks and downlinks.
extension Simulation {
    /// Starts to send the next block to a peer, unless one is being sent already or the receiver's downlink is full.
    func startSending(_ host: SimulatedHost, _ slot: Int32) {
        guard let link = host.links[Int(slot)], !link.isSending, host.nextUpload(to: link.key) != nil else { return }
        let other = hosts[Int(link.other)]
        let network = scenario.network
        if let time = startTime(host, link, to: other) {
            host.links[Int(slot)]?.isSending = true
            queue.schedule(Event(time: time, kind: .resume, host: host.index, slot: slot, serial: link.serial))
            return
        }
        if host.uplink.active.count >= network.uploadsAtOnce {
            host.links[Int(slot)]?.isSending = true
            host.waitingUploads.append((slot, link.serial))
            return
        }
        guard let span = host.machine.nextUpload(to: link.key) else { return }
        host.links[Int(slot)]?.isSending = true
        fillConnections(host, slot, to: other, span.length)
        host.uplink.start(span, length: wireLength(span.length), slot: slot, now: now)
        scheduleUplink(host)
    }

    /// The time at which the next block may be sent; nil if it may be sent now. It must wait if a link on the way is
    /// full, or if other peers take precedence.
    private func startTime(_ host: SimulatedHost, _ link: Link, to other: SimulatedHost) -> Double? {
        var time = max(wait(for: other.downlink), link.fullUntil)
        if host.setup.site != other.setup.site {
            time = max(time, wait(for: siteUp[host.setup.site]), wait(for: siteDown[other.setup.site]))
        }
        let delay = host.machine.precedenceDelay(to: link.key, bytes: scenario.blockLength, now: now)
        if delay > 0 { time = max(time, now + max(delay, 0.002)) }
        return time > now ? time : nil
    }

    /// Models TCP flow control on a full link: the sender slows down, and some bytes stay queued.
    private func wait(for pipe: Pipe) -> Double {
        guard pipe.rate.isFinite else { return now }
        let most = max(scenario.network.downlinkQueue, 2 * wireLength(scenario.blockLength) / pipe.rate)
        return pipe.freeAt > now + most ? pipe.freeAt - most / 2 : now
    }

    func wireLength(_ bytes: Int) -> Double { Double(bytes) * scenario.network.overhead }

    /// Schedules at most one check of the uplink, at or before the earliest possible end of a transmission.
    private func scheduleUplink(_ host: SimulatedHost) {
        let end = host.uplink.nextEnd
        guard end < host.uplink.lookAt else { return }
        host.uplink.lookAt = end
        schedule(.uplink, Int(host.index), at: end)
    }

    func uplinkDue(_ host: SimulatedHost) {
        // An earlier check has made this one unnecessary.
        guard now >= host.uplink.lookAt else { return }
        host.uplink.lookAt = .infinity
        for transmission in host.uplink.finished(now) {
            let slot = Int(transmission.slot)
            guard let link = host.links[slot] else { continue }
            host.machine.uploaded(transmission.span.length, to: link.key, now: now)
            host.sent += Int64(transmission.span.length)
            carry(transmission, from: host, over: link)
            host.links[slot]?.isSending = false
            if host.waitingUploads.isEmpty || host.nextUpload(to: link.key)?.piece == transmission.span.piece {
                startSending(host, transmission.slot)
            } else if host.nextUpload(to: link.key) != nil {
                host.links[slot]?.isSending = true
                host.waitingUploads.append((transmission.slot, link.serial))
            }
        }
        while host.uplink.active.count < scenario.network.uploadsAtOnce, !host.waitingUploads.isEmpty {
            let waiting = host.waitingUploads.removeFirst()
            guard let link = host.links[Int(waiting.slot)], link.serial == waiting.serial else { continue }
            host.links[Int(waiting.slot)]?.isSending = false
            startSending(host, waiting.slot)
        }
        if host.uplink.isBusy { scheduleUplink(host) }
        if let copies = host.setup.leavesAfterCopies, Double(host.sent) >= copies * Double(scenario.contentLength) {
            leave(host)
        }
    }

    private func carry(_ transmission: Uplink.Transmission, from host: SimulatedHost, over link: Link) {
        let other = hosts[Int(link.other)]
        let delay = delay(from: host, to: other)
        let length = wireLength(transmission.span.length)
        let start = transmission.startedAt + delay
        var end = now + delay
        if host.setup.site != other.setup.site {
            end = siteUp[host.setup.site].carry(length, from: start, to: end)
            end = siteDown[other.setup.site].carry(length, from: start, to: end)
        }
        end = other.downlink.carry(length, from: start, to: end)
        let span = transmission.span
        queue.schedule(
            Event(
                time: end, kind: .block, host: other.index, slot: link.otherSlot, serial: link.serial,
                a: Int32(span.piece),
                b: Int32(span.begin), c: Int32(span.length)))
    }

    func blockArrived(_ host: SimulatedHost, _ event: Event) {
        guard let link = host.links[Int(event.slot)], link.serial == event.serial else { return }
        let span = BlockSpan(piece: Int(event.a), begin: Int(event.b), length: Int(event.c))
        let placement = host.machine.beginBlock(span, from: link.key)
        if placement == .buffer || placement == .aside, hosts[Int(link.other)].setup.isPoisoner {
            let blocks =
                span.begin / scenario.blockLength..<(span.begin + span.length + scenario.blockLength - 1)
                / scenario.blockLength
            for block in blocks { host.tainted[span.piece, default: [:]][block] = link.other }
        }
        _ = host.machine.finishBlock(span, from: link.key, placement: placement, now: now)
        carryOut(host)
    }

    func verified(_ host: SimulatedHost, _ piece: Int) {
        let index = PieceIndex(unchecked: piece)
        guard let liars = host.tainted.removeValue(forKey: piece) else {
            host.machine.judged(index, .stored(digests: trueDigests(of: index)), now: now)
            return carryOut(host)
        }
        var digests = trueDigests(of: index)
        for block in digests.indices {
            if let liar = liars[block] { digests[block] = SHA1.digest(Array("\(liar)".utf8)) }
        }
        host.machine.judged(index, .wrong(digests: digests), now: now)
        carryOut(host)
    }

    private func trueDigests(of piece: PieceIndex) -> [SHA1Digest] {
        guard hasPoisoners else { return [] }
        let blocks = (layout.length(of: piece) + scenario.blockLength - 1) / scenario.blockLength
        return Array(repeating: trueDigest, count: blocks)
    }

    /// Counts the bytes of a `have` to every peer on the host's uplink and on the shared links of the sites.
    func spendOnAnnouncement(_ host: SimulatedHost) {
        let length = scenario.network.messageLength
        host.uplink.spend(length * Double(host.linkCount), now: now)
        guard scenario.sites.count > 1 else { return }
        for link in host.links {
            guard let link else { continue }
            let other = hosts[Int(link.other)].setup.site
            guard other != host.setup.site else { continue }
            _ = siteUp[host.setup.site].carry(length, from: now, to: now)
            _ = siteDown[other].carry(length, from: now, to: now)
        }
    }
}
