import Glibc
import PeerWire
import Reactor
import SwarmCore

/// Receiving: frames go to the torrent, payload goes directly to its destination.
extension PeerConnection.Open {
    func receive(on connection: PeerConnection) {
        readStream(connection)
        guard !isClosed else { return }
        let unexplained = Int(bytesReceived - bytesExplained)
        bytesExplained = bytesReceived
        if !unasked.received(unexplained, now: connection.loop.now) { connection.close(.flooded) }
    }

    /// Number of bytes that may be read now. The download limit is for blocks: a peer without outstanding requests is
    /// read in any case, so that it can neither use up the limit nor be kept from sending its messages.
    private func allowance(_ connection: PeerConnection) -> Int {
        let limit = inbound.mayReceive(connection.loop.now)
        guard limit < .max, incoming == nil, !owner.owesBlocks(connection) else { return limit }
        return .max
    }

    private func readStream(_ connection: PeerConnection) {
        let (stream, staging, tunables) = (connection.stream, connection.staging.bytes, connection.tunables)
        var quantum = tunables.quantum
        while !isClosed, quantum > 0, !isHeldBack {
            let allowed = allowance(connection)
            guard allowed > 0 else {
                let delay = inbound.receiveDelay(connection.loop.now)
                return pauseReading(for: max(0.005, delay), on: connection)
            }
            let outcome: Socket.Outcome
            let wanted: Int
            if let block = incoming {
                (outcome, wanted) = receivePayload(block, allowed, connection)
            } else {
                let kept = leftover.count
                let room = min(staging.count - kept, max(tunables.read, kept), allowed)
                wanted = room
                outcome = stream.receive(into: slice(staging, kept, room))
                if case .bytes(let count) = outcome {
                    noteReceived(count, connection)
                    parse(count, connection)
                }
            }
            switch outcome {
            case .bytes(let count):
                quantum -= count
                // The read returned less than there was room for: the stream is empty, and the loop reports when it is
                // not.
                if count < wanted { return }
            case .wouldBlock: return
            case .ended: return connection.close(.closedByPeer)
            case .failed(let code): return connection.close(CloseReason(receiving: code))
            }
        }
    }

    private func receivePayload(
        _ block: IncomingBlock, _ allowed: Int, _ connection: PeerConnection
    ) -> (Socket.Outcome, Int) {
        let (staging, lookAhead) = (connection.staging.bytes, connection.tunables.lookAhead)
        let direct = min(block.remaining, allowed)
        let after = direct < block.remaining ? 0 : min(lookAhead, allowed - direct)
        let target: UnsafeMutableRawBufferPointer
        if let memory = block.memory {
            target = slice(memory.bytes, block.offset + block.received, direct)
        } else {
            // Discarded bytes go to the far end of the staging memory.
            target = slice(staging, lookAhead, min(direct, staging.count - lookAhead))
        }
        let whole = target.count == block.remaining ? after : 0
        var vectors = (
            iovec(iov_base: target.baseAddress, iov_len: target.count),
            iovec(iov_base: staging.baseAddress, iov_len: whole)
        )
        let outcome = withUnsafePointer(to: &vectors) {
            $0.withMemoryRebound(to: iovec.self, capacity: 2) {
                connection.stream.receive(into: UnsafeBufferPointer(start: $0, count: whole > 0 ? 2 : 1))
            }
        }
        if case .bytes(let count) = outcome {
            noteReceived(count, connection)
            let payload = min(count, target.count)
            noteAsked(payload)
            incoming?.received += payload
            if let done = incoming, done.remaining == 0 {
                incoming = nil
                owner.finishBlock(done, on: connection)
                if count > payload, !isClosed { parse(count - payload, connection) }
            }
        }
        return (outcome, target.count + whole)
    }

    /// Decodes frames in the staging memory, where `fresh` bytes were added after the remaining ones.
    private func parse(_ fresh: Int, _ connection: PeerConnection) {
        let staging = connection.staging.bytes
        let kept = leftover.count
        if kept > 0 {
            leftover.withUnsafeBytes { staging.copyMemory(from: $0) }
            leftover.removeAll(keepingCapacity: kept <= 256)
        }
        let end = kept + fresh
        var start = 0
        while start < end, !isClosed {
            let bytes = UnsafeRawBufferPointer(rebasing: staging[start..<end])
            guard let used = handleFrame(bytes, connection) else { return }
            if used == 0 { break }
            start += used
        }
        guard start < end, !isClosed else { return }
        // A frame that does not fit in the staging memory could never become complete.
        guard end - start < staging.count / 2 else { return connection.close(.violation("frame too long")) }
        leftover.append(contentsOf: staging[start..<end])
    }

    /// - Returns: number of bytes used; 0 if more are needed, nil if the connection was closed.
    private func handleFrame(_ bytes: UnsafeRawBufferPointer, _ connection: PeerConnection) -> Int? {
        do {
            switch try decoder.next(bytes) {
            case .needMore: return 0
            case .skipped(let consumed): return consumed
            case .message(let message, let consumed):
                owner.received(message, on: connection)
                return isClosed ? nil : consumed
            case .piece(let header, let consumed):
                return receiveBlock(header, bytes, consumed, connection)
            }
        } catch {
            connection.close(.violation(error.description))
            return nil
        }
    }

    /// Begins a block: copies the bytes that have arrived, and reads the rest to its destination.
    private func receiveBlock(
        _ header: PieceHeader, _ bytes: UnsafeRawBufferPointer, _ consumed: Int, _ connection: PeerConnection
    ) -> Int? {
        let span = BlockSpan(piece: Int(header.index), begin: Int(header.begin), length: Int(header.length))
        var block: IncomingBlock
        switch owner.beginBlock(header, on: connection) {
        case .memory(let memory, let offset, let placement):
            block = IncomingBlock(span: span, memory: memory, offset: offset, placement: placement)
        case .discard: block = IncomingBlock(span: span, memory: nil, offset: 0, placement: .discard)
        case .surplus:
            block = IncomingBlock(span: span, memory: nil, offset: 0, placement: .discard)
            block.isSurplus = true
        case .violation:
            connection.close(.violation("a block that was not asked for"))
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
            owner.finishBlock(block, on: connection)
        } else {
            incoming = block
        }
        return isClosed ? nil : consumed + here
    }

    private func noteReceived(_ bytes: Int, _ connection: PeerConnection) {
        lastReceived = connection.loop.now
        bytesReceived += Int64(bytes)
    }

    /// Counts received bytes that belong to a requested block.
    private func noteAsked(_ bytes: Int) {
        bytesExplained += Int64(bytes)
        inbound.received(bytes)
    }

    private func slice(_ bytes: UnsafeMutableRawBufferPointer, _ start: Int, _ count: Int)
        -> UnsafeMutableRawBufferPointer
    {
        UnsafeMutableRawBufferPointer(rebasing: bytes[start..<start + count])
    }

    // MARK: The block that is being received

    /// Discards the rest of the block.
    func divert(_ span: BlockSpan) {
        guard incoming?.span == span else { return }
        incoming?.memory = nil
        incoming?.placement = .discard
    }

    /// Whether more of the block has arrived since the last call and is wanted.
    func noteIncoming() -> Bool {
        guard let block = incoming, block.memory != nil, block.received > block.noted else { return false }
        incoming?.noted = block.received
        return true
    }
}
