import Address

// Connections that wait for an answer which is made elsewhere: from what the trackers share, or at an origin.
extension TrackerLoop {
    /// A connection of the table whose announce waits for the shared store.
    func park(
        _ descriptor: Int32, _ address: PeerAddress, _ request: WaitingRequest, toSend bytes: [UInt8],
        _ rest: UnsafeRawBufferPointer, hasAnswered: Bool
    ) {
        if !bytes.isEmpty {
            // Earlier answers are not read yet: this one follows them, from memory.
            let written = settle(request, on: nil)
            let all = bytes + Array(UnsafeRawBufferPointer(rebasing: output[..<written]))
            return wait(descriptor, address, toSend: all, rest, closes: !request.keepsAlive)
        }
        if connections.isOpen(descriptor) {
            connections.enter(.answer, descriptor, now: now)
        } else if !register(descriptor, address, .answer, watches: false) {
            let written = settle(request, on: nil)
            _ = send(UnsafeRawBufferPointer(rebasing: output[..<written]), to: descriptor)
            return finish(descriptor)
        }
        connections.keepInput(rest, descriptor)
        if hasAnswered { noteAnswer(descriptor) }
        connections[descriptor].isWaiting = true
        let written = settle(request, on: descriptor)
        if written > 0 { resume(descriptor, written: written, closes: !request.keepsAlive) }
    }

    /// A connection whose request for a torrent an origin answers.
    func park(
        _ descriptor: Int32, _ address: PeerAddress, _ call: MetainfoCall, hasUnsent: Bool,
        _ rest: UnsafeRawBufferPointer
    ) {
        // Who does not read earlier answers gets no further ones.
        if hasUnsent { return finish(descriptor) }
        if connections.isOpen(descriptor) {
            connections.enter(.answer, descriptor, now: now)
        } else if !register(descriptor, address, .answer, watches: false) {
            return finish(descriptor)
        }
        connections.keepInput(rest, descriptor)
        connections[descriptor].isWaiting = true
        begin(call, on: descriptor)
    }

    /// Sends the answer that a connection waited for, from `output`.
    func resume(_ descriptor: Int32, written: Int, closes: Bool) {
        resume(descriptor, UnsafeRawBufferPointer(rebasing: output[..<written]), closes: closes)
    }

    /// The same from other memory.
    func resume(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer, closes: Bool) {
        connections[descriptor].isWaiting = false
        connections[descriptor].closesAfterAnswer = closes
        guard let rest = send(bytes, to: descriptor) else { return finish(descriptor) }
        guard rest.isEmpty else {
            connections.keepOutput(rest, descriptor)
            connections.enter(.answer, descriptor, now: now)
            return setWatch(descriptor, .write)
        }
        guard !closes else { return finish(descriptor) }
        noteAnswer(descriptor)
        continueReading(descriptor)
    }
}
