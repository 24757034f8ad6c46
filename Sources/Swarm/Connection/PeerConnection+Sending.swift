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
    func send(_ message: Message) {
        guard phase == .open else { return }
        guard message.encode(into: &outbox, ids: capabilities.ids) else { return }
        if outbox.count - outboxHead > tunables.outbox { close(.failed("it does not read what we send")) }
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
            } else if !startUpload() {
                break
            }
        }
        if phase != .closed { wantWrite(blocked || turn <= 0) }
        if further != nil { closeIfDone() }
    }

    /// - Returns: whether the socket took everything.
    private func sendOutbox(_ turn: inout Int) -> Bool {
        let outcome = outbox.withUnsafeBytes {
            Socket.send(descriptor, UnsafeRawBufferPointer(rebasing: $0[outboxHead...]), more: false)
        }
        guard let count = taken(outcome) else { return false }
        turn -= count
        outboxHead += count
        if outboxHead == outbox.count {
            outbox.removeAll(keepingCapacity: outbox.capacity <= 4096)
            outboxHead = 0
            return true
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
            if let limit = unsent.sent(count, now: loop.now) { Socket.setUnsentLowWater(descriptor, bytes: limit) }
            block.sent += count
            if block.sent == region.length {
                block.region += 1
                block.sent = 0
            }
            upload = block
        }
        upload = nil
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
