import Address
import CLinux
import Glibc
import Tracking

/// Announces whose reply waits for the store that several trackers share.
extension TrackerLoop: SharedPeerStoreUser {
    /// Longest list of peers that the shared store is asked for.
    private var mostShared: Int { 100 }

    /// Whether the shared store can be asked; else the reply is made from memory.
    @inline(__always)
    var asksShared: Bool {
        guard let shared else { return false }
        return shared.isUp
    }

    /// Records an announce here, asks the shared store, and keeps the asker until it answers. The shared store must be up.
    func wait(for waiting: WaitingAnnounce) throws(TrackerRefusal) {
        guard let shared else { return }
        let (heard, announce) = (waiting.heard, waiting.heard.announce)
        var forgotten = note(heard)
        _ = try store.announce(
            announce, from: heard.address, wanting: PeerWish(limit: 0), now: seconds, selection: &selection)
        var question = SharedQuestion(
            swarm: announce.swarm, address: heard.address, standing: standing(announce),
            lifetime: heard.registry == nil ? configuration.sharedLifetime : Int(announce.lifetime))
        if announce.event != .stopped {
            // One more, because the asking peer may be among them.
            question.limit = min(heard.wish.limit, mostShared) + (heard.wish.limit > 0 ? 1 : 0)
            question.wantsSeeds = announce.left > 0 && announce.event != .paused
            question.blob = heard.registry?.digest
        }
        if let moved = store.lastMoved { forgotten.append(moved) }
        question.forgotten = forgotten
        shared.ask(question, now: now)
        waitingReplies.append(.announce(waiting))
    }

    /// Asks the shared store for the counts of each swarm of a scrape, and keeps the asker until it has answered all. The shared store
    /// must be up, and there must be a swarm.
    func wait(for scrape: WaitingScrape) {
        guard let shared else { return }
        for key in scrape.keys {
            shared.ask(
                SharedQuestion(
                    swarm: key, address: PeerAddress.any(port: 0), standing: .unlisted,
                    lifetime: configuration.sharedLifetime), now: now)
            waitingReplies.append(.swarm(scrape))
        }
    }

    private func standing(_ announce: PeerAnnounce) -> SharedQuestion.Standing {
        if announce.event == .stopped { return .gone }
        if announce.port == 0 || announce.isUnreachable { return .unlisted }
        return announce.left == 0 ? .whole : .part
    }

    package func sharedStoreAnswered(_ answer: SharedAnswer?) {
        switch waitingReplies.popFirst() {
        case .announce(let waiting): reply(to: waiting, answer)
        case .swarm(let scrape): if scrape.add(answer) { reply(to: scrape) }
        case nil: break
        }
    }

    private func reply(to waiting: WaitingAnnounce, _ answer: SharedAnswer?) {
        switch waiting.asker {
        case .datagram(let socket, let family, let transaction, let to):
            replyLate(on: socket, to: to) { lateReply(waiting, answer, transaction, family, into: $0) }
        case .connection(let descriptor, let serial, let keepsAlive, let isVersion10, let family):
            guard connections.isOpen(descriptor), connections[descriptor].serial == serial else { return }
            let written = lateReply(waiting, answer, keepsAlive: keepsAlive, isVersion10: isVersion10, family)
            resume(descriptor, written: written, closes: !keepsAlive)
        }
    }

    private func reply(to scrape: WaitingScrape) {
        switch scrape.asker {
        case .datagram(let socket, _, let transaction, let to):
            replyLate(on: socket, to: to) { reply in
                let hashes = scrape.keys.flatMap(\.bytes)
                var index = -1
                return hashes.withUnsafeBytes { hashes in
                    UDPAnswer.scrape(transaction: transaction, hashes: hashes, into: reply) { key in
                        index += 1
                        return scrape.counts(index, store.counts(of: key)) ?? SwarmCounts()
                    }
                }
            }
        case .connection(let descriptor, let serial, let keepsAlive, let isVersion10, _):
            guard connections.isOpen(descriptor), connections[descriptor].serial == serial,
                let base = output.baseAddress
            else { return }
            var writer = ByteWriter(base, capacity: output.count)
            let found = scrape.keys.enumerated().compactMap { index, key in
                scrape.counts(index, store.counts(of: key)).map { (key: key, counts: $0) }
            }
            writeBody(keepsAlive: keepsAlive, isVersion10: isVersion10, to: &writer) {
                AnnounceReply.write(scrape: found, to: &$0)
            }
            resume(descriptor, written: writer.count, closes: !keepsAlive)
        }
    }

    /// - Parameter write: writes the reply, and says how long it is; 0 for none.
    private func replyLate(
        on socket: Int32, to address: swoop_return, _ write: (UnsafeMutableRawBufferPointer) -> Int
    ) {
        if lateBatchSocket != socket { sendLateReplies() }
        lateBatchSocket = socket
        let size = write(
            UnsafeMutableRawBufferPointer(start: swoop_batch_reply(lateBatch), count: Int(swoop_datagram_room)))
        guard size > 0 else { return }
        var address = address
        swoop_batch_queue_return(lateBatch, &address, size)
        if lateBatch.pointee.replies == swoop_batch_size { sendLateReplies() }
    }

    /// The counts and, in `selection`, the peers for an announce, with what the trackers share.
    private func joined(_ heard: HeardAnnounce, _ answer: SharedAnswer?) throws(TrackerRefusal) -> SwarmCounts {
        var counts = try store.announce(
            heard.announce, from: heard.address, wanting: heard.wish, now: seconds, selection: &selection)
        if let answer, heard.announce.event != .stopped {
            selection.merge(
                ipv4: answer.ipv4, ipv6: answer.ipv6, excluding: heard.address, bothFamilies: heard.wish.bothFamilies,
                limit: heard.wish.limit)
            counts = counts.joined(with: answer)
        }
        if heard.registry != nil || answer?.blob != nil { complete(heard, blob: answer?.blob) }
        return counts
    }

    private func lateReply(
        _ waiting: WaitingAnnounce, _ answer: SharedAnswer?, _ transaction: UInt32, _ family: PeerAddress.Family,
        into reply: UnsafeMutableRawBufferPointer
    ) -> Int {
        do {
            return datagram(try joined(waiting.heard, answer), transaction, family, into: reply)
        } catch {
            return 0
        }
    }

    /// Writes the reply to `output`.
    private func lateReply(
        _ waiting: WaitingAnnounce, _ answer: SharedAnswer?, keepsAlive: Bool, isVersion10: Bool,
        _ family: PeerAddress.Family
    ) -> Int {
        guard let base = output.baseAddress else { return 0 }
        var writer = ByteWriter(base, capacity: output.count)
        writeBody(keepsAlive: keepsAlive, isVersion10: isVersion10, to: &writer) { writer in
            do throws(TrackerRefusal) {
                let counts = try joined(waiting.heard, answer)
                write(counts, waiting.heard, family, to: &writer)
            } catch {
                counters.httpRefusals += 1
                AnnounceReply.write(error, to: &writer)
            }
        }
        return writer.count
    }

    /// Sends the datagrams of ``sharedStoreAnswered(_:)``.
    func sendLateReplies() {
        guard lateBatch.pointee.replies > 0 else { return }
        send(lateBatch, to: lateBatchSocket)
        swoop_batch_clear(lateBatch)
    }

    /// The end of a turn of the loop: what was asked goes out, and what came back.
    func finishShared() {
        guard let shared else { return }
        shared.timePassed(now: now, self)
        if shared.takeLoss() { retelling = PeerCursor() }
        retell(shared)
        shared.flush(now: now, self)
        sendLateReplies()
    }

    /// Tells the shared store what was heard here, a part at a time, after it has lost it.
    private func retell(_ shared: any SharedPeerStore) {
        guard var cursor = retelling else { return }
        var left = 500
        while left > 0, shared.hasRoomToTell {
            left -= 1
            guard let peer = store.next(after: &cursor, now: seconds) else {
                retelling = nil
                return
            }
            guard let address = peer.address else { continue }
            let lifetime = Int(clamping: configuration.storeLimits.lifetime) - Int(clamping: peer.age)
            guard lifetime > 0 else { continue }
            shared.tell(
                SharedQuestion(
                    swarm: peer.swarm, address: address, standing: peer.isSeed ? .whole : .part, lifetime: lifetime),
                now: now)
        }
        retelling = cursor
    }
}
