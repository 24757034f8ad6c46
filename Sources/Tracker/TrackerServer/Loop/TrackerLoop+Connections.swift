import Address
import Admission
import CLinux
import Glibc
import Reactor
import Tracking

/// The life of HTTP connections: accept, read, respond, close. The responses are made in `TrackerLoop+HTTP`.
extension TrackerLoop {
    private var acceptsAtOnce: Int { 128 }

    func acceptConnections(_ listener: Int32) {
        var kernel = sockaddr_in6()
        for _ in 0..<acceptsAtOnce {
            var length = socklen_t(MemoryLayout<sockaddr_in6>.size)
            let descriptor = withUnsafeMutablePointer(to: &kernel) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { swoop_accept(listener, $0, &length) }
            }
            guard descriptor >= 0 else {
                if errno == EMFILE || errno == ENFILE { turnAway(listener) }
                if errno == ECONNABORTED || errno == EINTR { continue }
                return
            }
            counters.httpConnections += 1
            let address = withUnsafePointer(to: kernel) { PeerAddress(kernel: $0) }
            let count = recv(descriptor, input.baseAddress, input.count, Int32(MSG_DONTWAIT))
            if count > 0 {
                serve(descriptor, address, UnsafeRawBufferPointer(rebasing: input[..<count]))
            } else if count < 0, errno == EAGAIN {
                register(descriptor, address, .request)
            } else {
                close(descriptor)
            }
        }
    }

    /// Without a free descriptor, the connection without progress for longest is closed, and the waiting connection is
    /// accepted in the next iteration. If none can be closed, the waiting one is accepted and closed: otherwise the
    /// kernel would keep reporting it.
    private func turnAway(_ listener: Int32) {
        counters.httpTurnedAway += 1
        if admission.shed(at: .tracker, now: monotonicSeconds) { return }
        if let idle = connections.oldest(.idle) { return finish(idle) }
        guard spareDescriptor >= 0 else { return }
        close(spareDescriptor)
        let descriptor = swoop_accept(listener, nil, nil)
        if descriptor >= 0 { close(descriptor) }
        spareDescriptor = open("/dev/null", O_RDONLY | O_CLOEXEC)
    }

    /// Adds a connection to the table; false if there is no place, and it was closed. Connections that are answered and
    /// closed at once are not added.
    /// - Parameter watches: false for one that waits for its answer: it is not watched, and not closed if there is no place.
    @discardableResult
    func register(
        _ descriptor: Int32, _ address: PeerAddress, _ phase: ConnectionPhase, watches: Bool = true
    ) -> Bool {
        guard let (ticket, serial) = admit(descriptor, address) else {
            counters.httpTurnedAway += 1
            if watches { close(descriptor) }
            return false
        }
        connections.open(descriptor, address, phase: phase, now: now)
        connections[descriptor].ticket = ticket
        connections[descriptor].serial = serial
        if watches { setWatch(descriptor, phase == .answer ? .write : .read) }
        return true
    }

    /// Watches a connection of the table.
    func setWatch(_ descriptor: Int32, _ interest: Interest) {
        let watched = connections[descriptor].watched
        guard watched != interest else { return }
        connections[descriptor].watched = interest
        if watched == nil { watch(descriptor, for: interest) } else { poller.modify(descriptor, for: interest) }
    }

    /// Reserves a place in the process's budget, for which another connection may be closed. If every connection has
    /// just made progress, the one that has been idle between requests for longest is closed, because it can reconnect
    /// at no cost.
    private func admit(_ descriptor: Int32, _ address: PeerAddress) -> (Admission.Ticket, serial: UInt64)? {
        nextSerial += 1
        let (mailbox, serial) = (mailbox, nextSerial)
        let source = Source(address)
        let evict: @Sendable () -> Void = { mailbox.post(.evict(descriptor: descriptor, serial: serial)) }
        if let ticket = admission.admit(source, at: .tracker, now: monotonicSeconds, close: evict) {
            return (ticket, serial)
        }
        guard let idle = connections.oldest(.idle) else { return nil }
        counters.httpTurnedAway += 1
        finish(idle)
        return admission.admit(source, at: .tracker, now: monotonicSeconds, close: evict).map { ($0, serial) }
    }

    /// Call when a request of a connection in the table was answered.
    func noteAnswer(_ descriptor: Int32) {
        guard connections.isOpen(descriptor) else { return }
        if connections[descriptor].wasAnswered {
            connections[descriptor].ticket?.progressed(now: monotonicSeconds)
        } else {
            connections[descriptor].wasAnswered = true
            connections[descriptor].ticket?.opened(now: monotonicSeconds)
        }
    }

    /// Closes a connection, whether or not it is in the table.
    func finish(_ descriptor: Int32) {
        if connections.isOpen(descriptor) { connections.close(descriptor) }
        close(descriptor)
    }

    func connectionIsReady(_ descriptor: Int32) {
        if connections[descriptor].isWaiting {
            // Further requests are read after the answer. What is told although nothing is watched is that the client has gone.
            if connections[descriptor].watched == [] { return finish(descriptor) }
            return setWatch(descriptor, [])
        }
        switch connections[descriptor].phase {
        case .answer: sendRest(descriptor)
        case .farewell: discard(descriptor)
        case .idle, .request:
            let kept = connections[descriptor].inputCount
            if let held = connections[descriptor].input, let start = input.baseAddress {
                start.copyMemory(from: held, byteCount: kept)
            }
            let room = UnsafeMutableRawBufferPointer(rebasing: input[kept...])
            let count = recv(descriptor, room.baseAddress, room.count, Int32(MSG_DONTWAIT))
            if count > 0 {
                let address = connections[descriptor].address
                serve(descriptor, address, UnsafeRawBufferPointer(rebasing: input[..<(kept + count)]))
            } else if count == 0 || (errno != EAGAIN && errno != EINTR) {
                finish(descriptor)
            }
        }
    }

    /// Answers the requests in `bytes` (a part of `input`), then keeps or closes the connection.
    private func serve(_ descriptor: Int32, _ address: PeerAddress, _ bytes: UnsafeRawBufferPointer) {
        var used = 0
        var hasAnswered = false
        while true {
            let turn = answerRequests(bytes, from: &used, address: address)
            let rest = UnsafeRawBufferPointer(rebasing: bytes[used...])
            var page: [UInt8] = turn.page
            let written = UnsafeRawBufferPointer(rebasing: output[..<turn.written])
            var unsent = send(written, to: descriptor)
            if let left = unsent, !left.isEmpty {
                page.insert(contentsOf: left, at: 0)
            } else if unsent != nil, !page.isEmpty {
                let number = page.withUnsafeBytes { bytes in send(bytes, to: descriptor).map { $0.count } }
                if let number { page.removeFirst(page.count - number) } else { unsent = nil }
            }
            guard unsent != nil else { return finish(descriptor) }
            if let call = turn.metainfo {
                return park(descriptor, address, call, hasUnsent: !page.isEmpty, rest)
            }
            if let request = turn.waiting {
                return park(descriptor, address, request, toSend: page, rest, hasAnswered: turn.written > 0)
            }
            if !page.isEmpty { return wait(descriptor, address, toSend: page, rest, closes: turn.closes) }
            hasAnswered = hasAnswered || (!turn.isRefusal && turn.written > 0)
            if turn.isRefusal { return sayFarewell(descriptor, address) }
            if turn.closes { return finish(descriptor) }
            if turn.isFull { continue }
            waitForMore(descriptor, address, rest)
            if hasAnswered { noteAnswer(descriptor) }
            return
        }
    }

    /// Returns the bytes that could not be sent yet; nil if the connection is broken.
    func send(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) -> UnsafeRawBufferPointer? {
        guard !bytes.isEmpty else { return bytes }
        let sent = Glibc.send(
            descriptor, bytes.baseAddress, bytes.count, Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL))
        if sent >= 0 { return UnsafeRawBufferPointer(rebasing: bytes[sent...]) }
        return errno == EAGAIN || errno == EINTR ? bytes : nil
    }

    private func waitForMore(_ descriptor: Int32, _ address: PeerAddress, _ rest: UnsafeRawBufferPointer) {
        if !connections.isOpen(descriptor) {
            guard register(descriptor, address, rest.isEmpty ? .idle : .request) else { return }
        } else if rest.isEmpty {
            connections.enter(.idle, descriptor, now: now)
        } else if connections[descriptor].phase != .request || rest.count < connections[descriptor].inputCount {
            // The first bytes of a request start its timeout. More bytes do not extend it.
            connections.enter(.request, descriptor, now: now)
        }
        connections.keepInput(rest, descriptor)
    }

    func wait(
        _ descriptor: Int32, _ address: PeerAddress, toSend bytes: [UInt8], _ rest: UnsafeRawBufferPointer, closes: Bool
    ) {
        if connections.isOpen(descriptor) {
            connections.enter(.answer, descriptor, now: now)
            setWatch(descriptor, .write)
        } else {
            guard register(descriptor, address, .answer) else { return }
        }
        connections[descriptor].closesAfterAnswer = closes
        bytes.withUnsafeBytes { connections.keepOutput($0, descriptor) }
        connections.keepInput(rest, descriptor)
    }

    private func sendRest(_ descriptor: Int32) {
        let entry = connections[descriptor]
        let bytes = UnsafeRawBufferPointer(
            start: entry.output.map { UnsafeRawPointer($0 + entry.outputSent) },
            count: entry.outputCount - entry.outputSent)
        guard let rest = send(bytes, to: descriptor) else { return finish(descriptor) }
        // The deadline stays, so that reading a response slowly gains no time.
        connections[descriptor].outputSent = entry.outputCount - rest.count
        guard rest.isEmpty else { return }
        guard !entry.closesAfterAnswer else { return finish(descriptor) }
        connections.dropOutput(descriptor)
        noteAnswer(descriptor)
        continueReading(descriptor)
    }

    func continueReading(_ descriptor: Int32) {
        setWatch(descriptor, .read)
        connections.enter(.idle, descriptor, now: now)
        let entry = connections[descriptor]
        // Requests that arrived together with the answered ones have been kept here.
        guard let held = entry.input, entry.inputCount > 0, let start = input.baseAddress else { return }
        start.copyMemory(from: held, byteCount: entry.inputCount)
        connections.dropInput(descriptor)
        serve(descriptor, entry.address, UnsafeRawBufferPointer(rebasing: input[..<entry.inputCount]))
    }

    /// After a refusal: sends nothing more, and discards input until the client closes.
    private func sayFarewell(_ descriptor: Int32, _ address: PeerAddress) {
        shutdown(descriptor, Int32(SHUT_WR))
        if connections.isOpen(descriptor) {
            connections.dropInput(descriptor)
            connections.enter(.farewell, descriptor, now: now)
        } else {
            register(descriptor, address, .farewell)
        }
    }

    private func discard(_ descriptor: Int32) {
        let count = recv(descriptor, input.baseAddress, input.count, Int32(MSG_DONTWAIT))
        if count < 0, errno == EAGAIN || errno == EINTR { return }
        guard count > 0, connections[descriptor].discarded < 256 * 1024 else { return finish(descriptor) }
        connections[descriptor].discarded += count
    }

    func expireConnections() {
        for phase in [ConnectionPhase.idle, .answer, .farewell] {
            while let late = connections.expired(phase, now: now) {
                if phase == .answer {
                    // An origin that is asked for it has its own time, which is longer.
                    if connections[late].isWaiting {
                        connections.enter(.answer, late, now: now)
                        continue
                    }
                    counters.httpTimeouts += 1
                }
                finish(late)
            }
        }
        while let late = connections.expired(.request, now: now) {
            counters.httpTimeouts += 1
            let written = refusal(.requestTimeout)
            _ = send(UnsafeRawBufferPointer(rebasing: output[..<written]), to: late)
            finish(late)
        }
    }
}
