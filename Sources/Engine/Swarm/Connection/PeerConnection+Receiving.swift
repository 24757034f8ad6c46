import Glibc
import PeerWire
import Reactor
import SwarmCore

/// From the socket: frames to the torrent, payload straight to its place.
extension PeerConnection {
    func receive() {
        readSocket()
        guard phase == .open else { return }
        let unexplained = Int(bytesReceived - bytesExplained)
        bytesExplained = bytesReceived
        if !unasked.received(unexplained, now: loop.now) { close(.flooded) }
    }

    /// Bytes that may be read now. The limit is for blocks: a peer that owes none is read in any case, so that it cannot
    /// use the limit up, nor be kept from saying what it has.
    private var allowance: Int {
        let limit = owner?.limits.mayReceive(loop.now) ?? .max
        guard limit < .max, incoming == nil, owner?.owesBlocks(self) != true else { return limit }
        return .max
    }

    private func readSocket() {
        var turn = tunables.turn
        while phase != .closed, turn > 0, !isHeldBack, !isAwaitingTorrent {
            let allowed = allowance
            guard allowed > 0 else {
                return pauseReading(for: max(0.005, owner?.limits.receiveDelay(loop.now) ?? 0.05))
            }
            let outcome: Socket.Outcome
            let wanted: Int
            if let block = incoming {
                (outcome, wanted) = receivePayload(block, allowed)
            } else {
                let kept = leftover.count
                let room = min(staging.bytes.count - kept, max(tunables.read, kept), allowed)
                wanted = room
                outcome = Socket.receive(descriptor, into: slice(staging.bytes, kept, room))
                if case .bytes(let count) = outcome {
                    noteReceived(count)
                    parse(count)
                }
            }
            switch outcome {
            case .bytes(let count):
                turn -= count
                // Less came than there was room for: the socket is empty, and epoll tells when it is not.
                if count < wanted { return }
            case .wouldBlock: return
            case .ended: return close(.closedByPeer)
            case .failed(let code): return close(.failed(String(cString: strerror(code))))
            }
        }
    }

    private func receivePayload(_ block: IncomingBlock, _ allowed: Int) -> (Socket.Outcome, Int) {
        let direct = min(block.remaining, allowed)
        let after = direct < block.remaining ? 0 : min(tunables.lookAhead, allowed - direct)
        let target: UnsafeMutableRawBufferPointer
        if let memory = block.memory {
            target = slice(memory.bytes, block.offset + block.received, direct)
        } else {
            // Dropped bytes land at the far end of the staging memory.
            target = slice(staging.bytes, tunables.lookAhead, min(direct, staging.bytes.count - tunables.lookAhead))
        }
        let whole = target.count == block.remaining ? after : 0
        var vectors = (
            iovec(iov_base: target.baseAddress, iov_len: target.count),
            iovec(iov_base: staging.bytes.baseAddress, iov_len: whole)
        )
        let outcome = withUnsafePointer(to: &vectors) {
            $0.withMemoryRebound(to: iovec.self, capacity: 2) {
                Socket.receive(descriptor, into: UnsafeBufferPointer(start: $0, count: whole > 0 ? 2 : 1))
            }
        }
        if case .bytes(let count) = outcome {
            noteReceived(count)
            let payload = min(count, target.count)
            noteAsked(payload)
            incoming?.received += payload
            if let done = incoming, done.remaining == 0 {
                incoming = nil
                owner?.finishBlock(done, on: self)
                if count > payload, phase != .closed { parse(count - payload) }
            }
        }
        return (outcome, target.count + whole)
    }

    /// Looks again at what was left over.
    func reread() { parse(0) }

    /// Takes frames from the staging memory, where `fresh` bytes have come in behind what was left over.
    private func parse(_ fresh: Int) {
        let kept = leftover.count
        if kept > 0 {
            leftover.withUnsafeBytes { staging.bytes.copyMemory(from: $0) }
            leftover.removeAll(keepingCapacity: kept <= 256)
        }
        let end = kept + fresh
        var start = 0
        while start < end, phase != .closed {
            let bytes = UnsafeRawBufferPointer(rebasing: staging.bytes[start..<end])
            guard let used = phase == .open ? takeFrame(bytes) : takeHandshake(bytes) else { return }
            if used == 0 { break }
            start += used
        }
        guard start < end, phase != .closed else { return }
        // A frame that does not fit the staging memory would never become whole.
        guard end - start < staging.bytes.count / 2 else { return close(.violation("frame too long")) }
        leftover.append(contentsOf: staging.bytes[start..<end])
    }

    /// - Returns: bytes used; 0 when more are needed, nil when the connection was closed.
    private func takeFrame(_ bytes: UnsafeRawBufferPointer) -> Int? {
        guard let owner else { return nil }
        do {
            switch try decoder?.next(bytes) {
            case .needMore, nil: return 0
            case .skipped(let consumed): return consumed
            case .message(let message, let consumed):
                owner.received(message, on: self)
                return phase == .closed ? nil : consumed
            case .piece(let header, let consumed):
                return takeBlock(header, bytes, consumed)
            }
        } catch {
            close(.violation(error.description))
            return nil
        }
    }

    /// A block begins. What of it has come already is copied, the rest is read to its place.
    private func takeBlock(_ header: PieceHeader, _ bytes: UnsafeRawBufferPointer, _ consumed: Int) -> Int? {
        guard let owner else { return nil }
        let span = BlockSpan(piece: Int(header.index), begin: Int(header.begin), length: Int(header.length))
        var block: IncomingBlock
        switch owner.beginBlock(header, on: self) {
        case .memory(let memory, let offset, let placement):
            block = IncomingBlock(span: span, memory: memory, offset: offset, placement: placement)
        case .discard: block = IncomingBlock(span: span, memory: nil, offset: 0, placement: .discard)
        case .surplus:
            block = IncomingBlock(span: span, memory: nil, offset: 0, placement: .discard)
            block.isSurplus = true
        case .violation:
            close(.violation("a block that was not asked for"))
            return nil
        }
        let here = min(span.length, bytes.count - consumed)
        if let memory = block.memory, here > 0 {
            slice(memory.bytes, block.offset, here).copyMemory(
                from: UnsafeRawBufferPointer(rebasing: bytes[consumed..<consumed + here]))
        }
        noteAsked(here)
        block.received = here
        if block.remaining == 0 {
            owner.finishBlock(block, on: self)
        } else {
            incoming = block
        }
        return phase == .closed ? nil : consumed + here
    }

    /// The rest of a block that is being received goes nowhere.
    func divert(_ span: BlockSpan) {
        guard incoming?.span == span else { return }
        incoming?.memory = nil
        incoming?.placement = .discard
    }

    private func slice(_ bytes: UnsafeMutableRawBufferPointer, _ start: Int, _ count: Int)
        -> UnsafeMutableRawBufferPointer
    {
        UnsafeMutableRawBufferPointer(rebasing: bytes[start..<start + count])
    }
}

extension PeerConnection {
    /// Whether more of a block that is wanted has come since the last call.
    func noteIncoming() -> Bool {
        guard let block = incoming, block.memory != nil, block.received > block.noted else { return false }
        incoming?.noted = block.received
        return true
    }
}
