import Glibc
import PeerWire
import Reactor
import Storage
import SwarmCore

/// A block on its way out: its header, then its regions.
struct OutgoingBlock {
    let span: BlockSpan
    var header: [UInt8]
    var headerSent = 0
    var regions: [UploadRegion]
    var region = 0
    /// Bytes of the current region that are gone.
    var sent = 0
}

/// To the socket: control messages, and blocks from the page cache.
extension PeerConnection {
    /// Bytes at the head of the outbox that are sent and may stay there.
    private static let longestSentHead = 32 << 10

    func send(_ message: Message) {
        guard phase == .open else { return }
        let before = outbox.count
        guard message.encode(into: &outbox, ids: capabilities.ids) else { return }
        if message.isReply { replies += outbox.count - before }
        unasked.sent(message)
        if outbox.count - outboxHead > tunables.outbox { close(.failed("it does not read what we send")) }
    }

    /// Takes a request for metadata or hashes, to be answered when what waits is sent and the limit allows it.
    func ask(_ ask: PendingAnswers.Ask) {
        guard !answers.add(ask) else { return }
        guard !answers.isFlooded else { return close(.flooded) }
        switch ask {
        case .metadata(let piece): send(.extended(.metadata(.reject(piece: piece))))
        case .hashes(let request): send(.hashReject(request))
        }
    }

    /// Sends what there is, as far as the socket and the limits go.
    func flush() {
        guard phase == .open || phase == .handshaking else { return }
        var turn = tunables.turn
        var blocked = false
        while !blocked, turn > 0, phase != .closed {
            if upload != nil {
                blocked = !sendUpload(&turn)
            } else if outboxHead < outbox.count {
                blocked = !sendOutbox(&turn)
            } else if !startAnswer(), !startUpload() {
                break
            }
        }
        guard phase != .closed else { return }
        wantWrite(blocked || turn <= 0)
        guard reserve(outbox.count - outboxHead) else { return close(.failed("it does not read what we send")) }
        if replies > tunables.replies { holdBack() }
        if further != nil { closeIfDone() }
    }

    /// - Returns: whether there is an answer to send now.
    private func startAnswer() -> Bool {
        guard let ask = answers.first, phase == .open, let owner else { return false }
        let delay = owner.limits.answerDelay(ask.cost, loop.now)
        guard delay <= 0 else {
            pauseSending(for: max(delay, 0.002))
            return false
        }
        answers.removeFirst()
        guard owner.answer(ask).encode(into: &outbox, ids: capabilities.ids) else { return false }
        owner.limits.answered(outbox.count - outboxHead)
        return outboxHead < outbox.count
    }

    /// - Returns: whether the socket took everything.
    private func sendOutbox(_ turn: inout Int) -> Bool {
        let outcome = outbox.withUnsafeBytes {
            Socket.send(descriptor, UnsafeRawBufferPointer(rebasing: $0[outboxHead...]), more: false)
        }
        guard let count = taken(outcome) else { return false }
        turn -= count
        outboxHead += count
        owner?.limits.sentMessages(count)
        if outboxHead == outbox.count {
            outbox.removeAll(keepingCapacity: outbox.capacity <= 4096)
            outboxHead = 0
            replies = 0
            letGo()
            return true
        }
        if outboxHead >= Self.longestSentHead, 2 * outboxHead >= outbox.count {
            // What is sent is let go of: each byte is moved once at most for one that was sent.
            outbox.removeFirst(outboxHead)
            outboxHead = 0
        }
        return false
    }

    /// - Returns: whether there is something to send now.
    private func startUpload() -> Bool {
        guard mayUpload, phase == .open, let owner else { return false }
        switch owner.nextUpload(to: self) {
        case .nothing: return false
        case .wait(let delay):
            pauseSending(for: max(delay, 0.002))
            return false
        case .send(let span, let regions):
            let wire = span.wire
            let header = PieceHeader(index: wire.index, begin: wire.begin, length: wire.length)
            let bytes = [UInt8](unsafeUninitializedCapacity: FixedFrame.pieceHeaderLength) { buffer, count in
                count = FixedFrame.pieceHeader(header, into: UnsafeMutableRawBufferPointer(buffer))
            }
            upload = OutgoingBlock(span: span, header: bytes, regions: regions)
            return true
        }
    }

    private func sendUpload(_ turn: inout Int) -> Bool {
        guard var block = upload else { return true }
        while block.headerSent < block.header.count {
            let outcome = block.header.withUnsafeBytes {
                Socket.send(descriptor, UnsafeRawBufferPointer(rebasing: $0[block.headerSent...]), more: true)
            }
            guard let count = taken(outcome) else { return false }
            block.headerSent += count
            upload = block
        }
        while block.region < block.regions.count {
            let region = block.regions[block.region]
            let outcome: Socket.Outcome
            switch region {
            case .file(let file, let offset, let length):
                let start = offset + Int64(block.sent)
                outcome = Socket.sendFile(descriptor, from: file.descriptor, at: start, count: length - block.sent)
                if outcome == .bytes(0) {
                    owner?.unreadable(block.span, on: self)
                    close(.failed("the content was cut off while it was served"))
                    return false
                }
            case .memory(let bytes):
                outcome = bytes.withUnsafeBytes {
                    Socket.send(descriptor, UnsafeRawBufferPointer(rebasing: $0[block.sent...]), more: false)
                }
            }
            guard let count = taken(outcome) else { return false }
            turn -= count
            owner?.uploaded(count, to: self)
            progressed()
            if let limit = unsent.sent(count, now: loop.now) { Socket.setUnsentLowWater(descriptor, bytes: limit) }
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

    /// - Returns: nil when nothing was taken: the socket is full, or the connection is gone.
    private func taken(_ outcome: Socket.Outcome) -> Int? {
        switch outcome {
        case .bytes(let count):
            lastSent = loop.now
            bytesSent += Int64(count)
            return count
        case .wouldBlock: return nil
        case .ended:
            close(.closedByPeer)
            return nil
        case .failed(let code):
            close(code == EPIPE || code == ECONNRESET ? .closedByPeer : .failed(String(cString: strerror(code))))
            return nil
        }
    }
}

extension Message {
    /// Whether it is sent because of what the peer sent: a peer that does not take such messages is not read. Those that
    /// a host sends of itself do not count, or two hosts that have much to announce could wait for each other.
    fileprivate var isReply: Bool {
        switch self {
        case .reject, .hashReject, .interested, .notInterested, .extended(.metadata(.reject)), .extended(.turnOver),
            .extended(.turns):
            true
        default: false
        }
    }
}
