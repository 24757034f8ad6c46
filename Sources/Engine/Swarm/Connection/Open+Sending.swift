import Glibc
import PeerWire
import Reactor
import Storage
import SwarmCore

/// A block being sent: its header, then its regions.
struct OutgoingBlock {
    let span: BlockSpan
    var header: [UInt8]
    var headerSent = 0
    var regions: [UploadRegion]
    var region = 0
    /// Bytes of the current region that have been sent.
    var sent = 0

    init(_ span: BlockSpan, _ regions: [UploadRegion]) {
        self.span = span
        self.regions = regions
        let wire = span.wire
        let header = PieceHeader(index: wire.index, begin: wire.begin, length: wire.length)
        self.header = [UInt8](unsafeUninitializedCapacity: FixedFrame.pieceHeaderLength) { buffer, count in
            count = FixedFrame.pieceHeader(header, into: UnsafeMutableRawBufferPointer(buffer))
        }
    }
}

/// Sending: control messages, and blocks from the page cache.
extension PeerConnection.Open {
    func send(_ message: Message, on connection: PeerConnection) {
        guard !isClosed, outbox.add(message, ids: capabilities.ids) else { return }
        unasked.sent(message)
        if outbox.waiting > connection.tunables.outbox { connection.close(.failed("it does not read what we send")) }
    }

    /// Queues a request for metadata or hashes. It is answered when earlier responses have been sent and the limit
    /// allows it.
    func ask(_ ask: PendingAnswers.Ask, on connection: PeerConnection) {
        guard !answers.add(ask) else { return }
        guard !answers.isFlooded else { return connection.close(.flooded) }
        switch ask {
        case .metadata(let piece): send(.extended(.metadata(.reject(piece: piece))), on: connection)
        case .hashes(let request): send(.hashReject(request), on: connection)
        }
    }

    /// Sends as much as the stream and the limits allow.
    func flush(on connection: PeerConnection) {
        guard !isClosed else { return }
        var quantum = connection.tunables.quantum
        var blocked = false
        while !blocked, quantum > 0, !isClosed {
            if upload != nil {
                blocked = !sendUpload(&quantum, connection)
            } else if !outbox.isEmpty {
                blocked = !sendOutbox(&quantum, connection)
            } else if !startAnswer(connection), !startUpload(connection) {
                break
            }
        }
        guard !isClosed else { return }
        let interest = connection.interest
        connection.want(blocked || quantum <= 0 ? interest.union(.write) : interest.subtracting(.write))
        guard reserve(outbox.waiting, connection) else {
            return connection.close(.failed("it does not read what we send"))
        }
        if outbox.replies > connection.tunables.replies { holdBack(connection) }
        if connection.further != nil { connection.closeIfDone() }
    }

    /// Reserves room in the process's budget for unsent bytes of a slow reader, beyond a small free amount.
    /// - Returns: false if there is no room.
    private func reserve(_ waiting: Int, _ connection: PeerConnection) -> Bool {
        let beyond = waiting - connection.tunables.freeUnsent
        guard beyond > 0 || reserved > 0 else { return true }
        let wanted = beyond > 0 ? (beyond | 0x3fff) + 1 : 0
        if wanted > reserved {
            guard connection.ticket?.reserveUnsent(wanted - reserved) ?? true else { return false }
        } else if wanted < reserved {
            connection.ticket?.releaseUnsent(reserved - wanted)
        }
        reserved = wanted
        return true
    }

    /// - Returns: whether there is a response to send now.
    private func startAnswer(_ connection: PeerConnection) -> Bool {
        guard let ask = answers.first else { return false }
        let delay = owner.limits.answerDelay(ask.cost, connection.loop.now)
        guard delay <= 0 else {
            pauseSending(for: max(delay, 0.002), on: connection)
            return false
        }
        answers.removeFirst()
        guard outbox.add(owner.answer(ask), ids: capabilities.ids) else { return false }
        owner.limits.answered(outbox.waiting)
        return !outbox.isEmpty
    }

    /// - Returns: whether the stream accepted everything.
    private func sendOutbox(_ quantum: inout Int, _ connection: PeerConnection) -> Bool {
        let outcome = outbox.withWaiting { connection.stream.send($0, more: false) }
        guard let count = acceptedBytes(outcome, connection) else { return false }
        quantum -= count
        outbox.sent(count)
        owner.limits.sentMessages(count)
        guard outbox.isEmpty else { return false }
        letGo(of: connection)
        return true
    }

    /// - Returns: whether there is something to send now.
    private func startUpload(_ connection: PeerConnection) -> Bool {
        guard mayUpload else { return false }
        switch owner.nextUpload(to: connection, self) {
        case .nothing: return false
        case .wait(let delay):
            pauseSending(for: max(delay, 0.002), on: connection)
            return false
        case .send(let span, let regions):
            upload = OutgoingBlock(span, regions)
            return true
        }
    }

    private func sendUpload(_ quantum: inout Int, _ connection: PeerConnection) -> Bool {
        guard var block = upload else { return true }
        let stream = connection.stream
        while block.headerSent < block.header.count {
            let outcome = block.header.withUnsafeBytes {
                stream.send(UnsafeRawBufferPointer(rebasing: $0[block.headerSent...]), more: true)
            }
            guard let count = acceptedBytes(outcome, connection) else { return false }
            block.headerSent += count
            upload = block
        }
        while block.region < block.regions.count {
            let region = block.regions[block.region]
            let outcome: Socket.Outcome
            switch region {
            case .file(let file, let offset, let length):
                let start = offset + Int64(block.sent)
                outcome = stream.sendFile(file.descriptor, at: start, count: length - block.sent)
                if outcome == .bytes(0) {
                    owner.unreadable(block.span, on: connection)
                    connection.close(.failed("the content was cut off while it was served"))
                    return false
                }
            case .memory(let bytes):
                outcome = bytes.withUnsafeBytes {
                    stream.send(UnsafeRawBufferPointer(rebasing: $0[block.sent...]), more: false)
                }
            }
            guard let count = acceptedBytes(outcome, connection) else { return false }
            quantum -= count
            owner.uploaded(count, to: connection)
            progressed(on: connection)
            if let limit = unsent.sent(count, now: connection.loop.now) { stream.setUnsentLowWater(bytes: limit) }
            block.sent += count
            if block.sent == region.length {
                block.region += 1
                block.sent = 0
            }
            upload = block
        }
        upload = nil
        unasked.sentBlock()
        return true
    }

    /// - Returns: nil if nothing was accepted: the stream is full, or the connection is closed.
    private func acceptedBytes(_ outcome: Socket.Outcome, _ connection: PeerConnection) -> Int? {
        switch outcome {
        case .bytes(let count):
            lastSent = connection.loop.now
            bytesSent += Int64(count)
            return count
        case .wouldBlock: return nil
        case .ended:
            connection.close(.closedByPeer)
            return nil
        case .failed(let code):
            connection.close(CloseReason(sending: code))
            return nil
        }
    }
}
