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
        waitingAnnounces.append(waiting)
    }

    private func standing(_ announce: PeerAnnounce) -> SharedQuestion.Standing {
        if announce.event == .stopped { return .gone }
        if announce.port == 0 || announce.isUnreachable { return .unlisted }
        return announce.left == 0 ? .whole : .part
    }

    package func sharedStoreAnswered(_ answer: SharedAnswer?) {
        guard let waiting = waitingAnnounces.popFirst() else { return }
        switch waiting.asker {
        case .datagram(let socket, let family, let transaction, let to):
            if lateBatchSocket != socket { sendLateReplies() }
            lateBatchSocket = socket
            let reply = UnsafeMutableRawBufferPointer(
                start: swoop_batch_reply(lateBatch), count: Int(swoop_datagram_room))
            let size = lateReply(waiting, answer, transaction, family, into: reply)
            guard size > 0 else { return }
            var to = to
            swoop_batch_queue_return(lateBatch, &to, size)
            if lateBatch.pointee.replies == swoop_batch_size { sendLateReplies() }
        case .connection(let descriptor, let serial, let keepsAlive, let isVersion10, let family):
            guard connections.isOpen(descriptor), connections[descriptor].serial == serial else { return }
            let written = lateReply(waiting, answer, keepsAlive: keepsAlive, isVersion10: isVersion10, family)
            resume(descriptor, written: written, closes: !keepsAlive)
        }
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
