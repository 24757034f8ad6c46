import Address
import CLinux
import Glibc
import Reactor
import Tracking

extension TrackerLoop {
    /// Number of batches before the loop checks its other sockets again.
    private var batchesAtOnce: Int { 8 }

    /// Receives, answers and sends datagrams in batches.
    func receiveDatagrams(_ socket: Sockets.Bound) {
        let control: Int32 = socket.address.isUnspecified ? 1 : 0
        for _ in 0..<batchesAtOnce {
            let received = swoop_batch_receive(batch, socket.descriptor, control)
            guard received > 0 else { return }
            for index in 0..<received {
                let length = Int(swoop_batch_length(batch, index))
                guard length > 0 else {
                    counters.udpDropped += 1
                    continue
                }
                let source = PeerAddress(kernel: UnsafeRawPointer(swoop_batch_source(batch, index)))
                // Both lie in the batch, which has `swoop_datagram_room` bytes for each.
                let request = UnsafeRawBufferPointer(start: swoop_batch_request(batch, index), count: length)
                let reply = UnsafeMutableRawBufferPointer(
                    start: swoop_batch_reply(batch), count: Int(swoop_datagram_room))
                let size = answer(request, from: source, number: index, on: socket, into: reply)
                if size > 0 { swoop_batch_queue(batch, index, size) }
            }
            send(batch, to: socket.descriptor)
            if received < Int32(swoop_batch_size) { return }
        }
    }

    /// Sends what is queued in a batch.
    func send(_ batch: UnsafeMutablePointer<swoop_batch>, to socket: Int32) {
        var sent: Int32 = 0
        let number = batch.pointee.replies
        while sent < number {
            let taken = swoop_batch_send(batch, socket, sent)
            if taken > 0 {
                sent += taken
            } else if errno == EINTR {
                continue
            } else {
                // This response cannot be sent (no route, or a full buffer). The client will ask again, so waiting has
                // no use.
                counters.udpUnsent += 1
                sent += 1
            }
        }
    }

    /// Writes the response to one datagram, number `number` of the batch; 0 if it gets none now.
    @inline(__always)
    private func answer(
        _ datagram: UnsafeRawBufferPointer, from source: PeerAddress, number: Int32, on socket: Sockets.Bound,
        into reply: UnsafeMutableRawBufferPointer
    ) -> Int {
        guard let request = UDPRequest.parse(datagram) else {
            counters.udpDropped += 1
            return 0
        }
        switch request {
        case .connect(let transaction):
            counters.udpConnects += 1
            let connection = connectionIDs.issue(high: source.high, low: source.low, now: seconds)
            return UDPAnswer.connect(transaction: transaction, connection: connection, into: reply)

        case .announce(let connection, let transaction, let announce):
            guard isValid(connection, source) else {
                return refuse(transaction, "connection id has expired", datagram.count, reply)
            }
            counters.udpAnnounces += 1
            return answer(announce, transaction, from: source, number: number, on: socket, into: reply)

        case .scrape(let connection, let transaction, let hashes):
            guard isValid(connection, source) else {
                return refuse(transaction, "connection id has expired", datagram.count, reply)
            }
            counters.udpScrapes += 1
            if asksShared, let base = hashes.baseAddress {
                let asker = WaitingAnnounce.Asker.datagram(
                    socket: socket.descriptor, family: source.family, transaction: transaction,
                    to: swoop_batch_return(batch, number))
                let keys = (0..<hashes.count / SwarmKey.byteCount).map {
                    SwarmKey(loading: base + SwarmKey.byteCount * $0)
                }
                wait(for: WaitingScrape(keys, asker: asker))
                return 0
            }
            return UDPAnswer.scrape(transaction: transaction, hashes: hashes, into: reply) { key in
                store.counts(of: key) ?? SwarmCounts()
            }
        }
    }

    private func isValid(_ connection: UInt64, _ source: PeerAddress) -> Bool {
        connectionIDs.accepts(connection, high: source.high, low: source.low, now: seconds)
    }

    private func refuse(
        _ transaction: UInt32, _ reason: StaticString, _ limit: Int, _ reply: UnsafeMutableRawBufferPointer
    ) -> Int {
        counters.udpRefusals += 1
        return UDPAnswer.failure(transaction: transaction, reason: reason, limit: limit, into: reply)
    }

    @inline(__always)
    private func answer(
        _ announce: PeerAnnounce, _ transaction: UInt32, from source: PeerAddress, number: Int32,
        on socket: Sockets.Bound, into reply: UnsafeMutableRawBufferPointer
    ) -> Int {
        let family = source.family
        guard isAdmitted(announce) else {
            return refuse(transaction, TrackerRefusal.noTicket.reason, reply.count, reply)
        }
        countAnnounce(family)
        let wish = PeerWish(limit: wanted(announce, limit: UDPAnswer.peerLimit(family)))
        var announce = announce
        announce.lifetime = usualLifetime
        do {
            let listed = listed(announce, from: source)
            if asksShared {
                let asker = WaitingAnnounce.Asker.datagram(
                    socket: socket.descriptor, family: family, transaction: transaction,
                    to: swoop_batch_return(batch, number))
                let heard = HeardAnnounce(announce: announce, address: listed, wish: wish, registry: nil)
                try wait(for: WaitingAnnounce(heard: heard, asker: asker))
                return 0
            }
            let counts = try store.announce(
                announce, from: listed, wanting: wish, now: seconds, selection: &selection)
            return datagram(counts, transaction, family, into: reply)
        } catch {
            return refuse(transaction, error.reason, reply.count, reply)
        }
    }

    /// Writes the response to an announce, with the peers of `selection`.
    @inline(__always)
    func datagram(
        _ counts: SwarmCounts, _ transaction: UInt32, _ family: PeerAddress.Family,
        into reply: UnsafeMutableRawBufferPointer
    ) -> Int {
        let head = UDPAnswer.announceHead(
            transaction: transaction, interval: jitteredInterval(), counts: counts, into: reply)
        // Only peers of the source's family fit. A trusted client that claimed an IPv4 address over IPv6 gets none.
        let peers =
            family == .ipv4
            ? UnsafeRawBufferPointer(start: selection.ipv4, count: selection.ipv4Count * 6)
            : UnsafeRawBufferPointer(start: selection.ipv6, count: selection.ipv6Count * 18)
        guard let target = reply.baseAddress, let from = peers.baseAddress, head + peers.count <= reply.count else {
            return 0
        }
        (target + head).copyMemory(from: from, byteCount: peers.count)
        return head + peers.count
    }

    @inline(__always)
    func countAnnounce(_ family: PeerAddress.Family) {
        if family == .ipv4 { counters.ipv4Announces += 1 } else { counters.ipv6Announces += 1 }
    }
}
