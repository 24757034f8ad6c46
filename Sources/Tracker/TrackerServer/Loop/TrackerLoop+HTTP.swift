import Address
import Glibc
import Tracking

extension TrackerLoop {
    /// The result of answering the requests of one read.
    struct Turn {
        /// Bytes of `output` to send, followed by this page.
        var written = 0
        var page: [UInt8] = []
        var closes = false
        /// The last request was refused.
        var isRefusal = false
        /// The last request waits for what the trackers share; its reply is made later.
        var waiting: WaitingRequest?
        /// The last request is for a torrent, which an origin has.
        var metainfo: MetainfoCall?
        /// There may be more requests, for which `output` has no room.
        var isFull = false
    }

    /// An announce or a scrape whose connection is not known yet.
    struct WaitingRequest {
        enum Kind {
            case announce(HeardAnnounce)
            /// One swarm at least.
            case scrape([SwarmKey])
        }

        let kind: Kind
        let source: PeerAddress
        let keepsAlive: Bool
        let isVersion10: Bool
    }

    /// Space for any response except a page: the largest has `PeerSelection.capacity` peers as dictionaries.
    private var answerRoom: Int { 32 * 1024 }

    /// Answers requests from `used` on until there is no complete one, the connection must close, or `output` is full.
    func answerRequests(_ bytes: UnsafeRawBufferPointer, from used: inout Int, address: PeerAddress) -> Turn {
        var turn = Turn()
        while true {
            guard used < bytes.count else { return turn }
            guard output.count - turn.written >= answerRoom else {
                turn.isFull = true
                return turn
            }
            switch HTTPRequestHead.parse(UnsafeRawBufferPointer(rebasing: bytes[used...])) {
            case .needsMore: return turn
            case .refused(let problem):
                let status: HTTPStatus =
                    switch problem {
                    case .malformed: .badRequest
                    case .methodNotAllowed: .methodNotAllowed
                    case .headTooLarge: .headTooLarge
                    case .versionNotSupported: .versionNotSupported
                    }
                counters.httpRefusals += 1
                turn.written += refusal(status, at: turn.written)
                turn.closes = true
                turn.isRefusal = true
                return turn
            case .request(let head):
                used += head.length
                answer(head, address, &turn)
                turn.closes = turn.closes || !head.keepsAlive
                if turn.waiting != nil || turn.metainfo != nil { return turn }
                if turn.closes { return turn }
                if !turn.page.isEmpty {
                    turn.isFull = true
                    return turn
                }
            }
        }
    }

    /// Writes a plain response that closes the connection; returns its length.
    func refusal(_ status: HTTPStatus, at offset: Int = 0) -> Int {
        guard let base = output.baseAddress else { return 0 }
        var writer = ByteWriter(base + offset, capacity: output.count - offset)
        writeHead(status, type: "text/plain; charset=utf-8", keepsAlive: false, isVersion10: false, to: &writer)
        writer.write("Content-Length: ")
        writer.write(decimal: status.text.utf8CodeUnitCount)
        writer.write("\r\n\r\n")
        writer.write(status.text)
        return writer.count
    }

    private func writeHead(
        _ status: HTTPStatus, type: StaticString, keepsAlive: Bool, isVersion10: Bool, to writer: inout ByteWriter
    ) {
        writer.write(status.line)
        writer.write("Content-Type: ")
        writer.write(type)
        writer.write("\r\n")
        if !keepsAlive {
            writer.write("Connection: close\r\n")
        } else if isVersion10 {
            writer.write("Connection: keep-alive\r\n")
        }
    }

    private func answer(_ head: HTTPRequestHead, _ address: PeerAddress, _ turn: inout Turn) {
        guard let base = output.baseAddress else { return }
        var writer = ByteWriter(base + turn.written, capacity: output.count - turn.written)
        defer { turn.written += writer.count }
        if isForThisHost, head.namesOthers {
            // A name that a web page's server made lead here (DNS rebinding).
            counters.httpRefusals += 1
            writeText(.forbidden, head, to: &writer)
        } else if head.method != .get {
            answerWithoutBody(head, to: &writer)
        } else if isPath(head.path, "/announce") {
            counters.httpAnnounces += 1
            countAnnounce(address.family)
            announce(head, address, &turn, to: &writer)
        } else if isPath(head.path, "/scrape") {
            counters.httpScrapes += 1
            scrape(head, address, &turn, to: &writer)
        } else if isPath(head.path, "/healthz") {
            writeText(.ok, head, to: &writer)
        } else if isPath(head.path, "/readyz") {
            writeReadiness(head, &turn, to: &writer)
        } else if configuration.origins != nil, isMetainfo(head.path) {
            turn.metainfo = MetainfoCall(head)
        } else if isPath(head.path, "/stats") {
            let isJSON = head.acceptsJSON || hasParameter(head.query, "format=json")
            writePage(isJSON ? .json : .html, head, &turn, to: &writer)
        } else if isPath(head.path, "/metrics") {
            writePage(.metrics, head, &turn, to: &writer)
        } else {
            writeText(.notFound, head, to: &writer)
        }
    }

    /// HEAD and OPTIONS (RFC 9110). They are not announces, so no swarm is looked up and no peer is recorded.
    private func answerWithoutBody(_ head: HTTPRequestHead, to writer: inout ByteWriter) {
        let isKnown =
            head.method == .options || isPath(head.path, "/announce") || isPath(head.path, "/scrape")
            || isPath(head.path, "/healthz") || isPath(head.path, "/readyz") || isPath(head.path, "/stats")
            || isPath(head.path, "/metrics")
        writeHead(
            isKnown ? .ok : .notFound, type: "text/plain; charset=utf-8", keepsAlive: head.keepsAlive,
            isVersion10: head.isVersion10, to: &writer)
        writer.write(head.method == .options ? "Allow: GET, HEAD, OPTIONS\r\nContent-Length: 0\r\n\r\n" : "\r\n")
    }

    private func isPath(_ bytes: UnsafeRawBufferPointer, _ text: StaticString) -> Bool {
        guard bytes.count == text.utf8CodeUnitCount, let start = bytes.baseAddress else { return false }
        return memcmp(start, text.utf8Start, bytes.count) == 0
    }

    private func hasParameter(_ query: UnsafeRawBufferPointer, _ text: StaticString) -> Bool {
        query.split(separator: 0x26).contains { isPath(UnsafeRawBufferPointer(rebasing: $0), text) }
    }

    /// Writes head and body in one pass: the length is filled in afterwards, into spaces, which HTTP allows before a
    /// value.
    func writeBody(
        keepsAlive: Bool, isVersion10: Bool, to writer: inout ByteWriter, _ body: (inout ByteWriter) -> Void
    ) {
        writeHead(.ok, type: "text/plain", keepsAlive: keepsAlive, isVersion10: isVersion10, to: &writer)
        writer.write("Content-Length:")
        let gap = writer.count
        writer.write("       \r\n\r\n")
        let start = writer.count
        body(&writer)
        writer.fill(decimal: writer.count - start, width: 7, at: gap)
    }

    private func writeText(_ status: HTTPStatus, _ head: HTTPRequestHead, to writer: inout ByteWriter) {
        writeHead(
            status, type: "text/plain; charset=utf-8", keepsAlive: head.keepsAlive, isVersion10: head.isVersion10,
            to: &writer)
        writer.write("Content-Length: ")
        writer.write(decimal: status.text.utf8CodeUnitCount)
        writer.write("\r\n\r\n")
        writer.write(status.text)
    }

    private func writePage(_ page: Page, _ head: HTTPRequestHead, _ turn: inout Turn, to writer: inout ByteWriter) {
        counters.httpPages += 1
        turn.page = text(of: page)
        writeHead(.ok, type: page.type, keepsAlive: head.keepsAlive, isVersion10: head.isVersion10, to: &writer)
        writer.write("Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n")
        writer.write("Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'\r\nContent-Length: ")
        writer.write(decimal: turn.page.count)
        writer.write("\r\n\r\n")
    }

    private func announce(
        _ head: HTTPRequestHead, _ source: PeerAddress, _ turn: inout Turn, to writer: inout ByteWriter
    ) {
        do throws(TrackerRefusal) {
            var announce = try AnnounceQuery.parse(head.query)
            guard isAdmitted(announce) else { throw .noTicket }
            let registry = announce.isFromRegistry ? try admitted(RegistryAnnounce.parse(head.query), announce) : nil
            announce.lifetime = lifetime(of: announce, registry)
            let most = registry == nil ? PeerSelection.capacity : configuration.limits.announceLimit
            let wish = PeerWish(
                limit: wanted(announce, limit: most), bothFamilies: true, names: announce.listing == .dictionaries)
            let heard = HeardAnnounce(
                announce: announce, address: listed(announce, from: source), wish: wish, registry: registry)
            if asksShared {
                turn.waiting = WaitingRequest(
                    kind: .announce(heard), source: source, keepsAlive: head.keepsAlive, isVersion10: head.isVersion10)
                return
            }
            let counts = try answer(heard)
            writeBody(keepsAlive: head.keepsAlive, isVersion10: head.isVersion10, to: &writer) { writer in
                write(counts, heard, source.family, to: &writer)
            }
        } catch {
            refuse(error, keepsAlive: head.keepsAlive, isVersion10: head.isVersion10, to: &writer)
        }
    }

    /// Records an announce, and selects peers from memory.
    private func answer(_ heard: HeardAnnounce) throws(TrackerRefusal) -> SwarmCounts {
        if heard.registry != nil { _ = note(heard) }
        let counts = try store.announce(
            heard.announce, from: heard.address, wanting: heard.wish, now: seconds, selection: &selection)
        if heard.registry != nil { complete(heard) }
        return counts
    }

    private func refuse(
        _ refusal: TrackerRefusal, keepsAlive: Bool, isVersion10: Bool, to writer: inout ByteWriter
    ) {
        counters.httpRefusals += 1
        writeBody(keepsAlive: keepsAlive, isVersion10: isVersion10, to: &writer) { writer in
            AnnounceReply.write(refusal, to: &writer)
        }
    }

    /// Writes the body of the response to an announce, with the peers of `selection`.
    func write(
        _ counts: SwarmCounts, _ heard: HeardAnnounce, _ family: PeerAddress.Family, to writer: inout ByteWriter
    ) {
        let isAgent = heard.registry != nil
        let isWhole = heard.announce.left == 0
        AnnounceReply.write(
            counts: counts,
            interval: isAgent ? jittered(configuration.agentInterval(isWhole: isWhole)) : jitteredInterval(),
            minimumInterval: isAgent ? configuration.agentMinimumInterval : configuration.minimumInterval,
            selection: selection, listing: heard.announce.listing,
            includesIPv6: selection.ipv6Count > 0 || family == .ipv6, to: &writer)
    }

    /// Puts an announce or a scrape in wait of the shared store for a connection in the table, or answers it in `output`.
    /// - Returns: bytes of the answer; 0 if it comes later.
    func settle(_ request: WaitingRequest, on descriptor: Int32?) -> Int {
        guard let base = output.baseAddress else { return 0 }
        var writer = ByteWriter(base, capacity: output.count)
        do throws(TrackerRefusal) {
            let asker = descriptor.map {
                WaitingAnnounce.Asker.connection(
                    descriptor: $0, serial: connections[$0].serial, keepsAlive: request.keepsAlive,
                    isVersion10: request.isVersion10, family: request.source.family)
            }
            switch (request.kind, asker) {
            case (.announce(let heard), let asker?):
                try wait(for: WaitingAnnounce(heard: heard, asker: asker))
                return 0
            case (.scrape(let keys), let asker?):
                wait(for: WaitingScrape(keys, asker: asker))
                return 0
            case (.announce(let heard), nil):
                let counts = try answer(heard)
                writeBody(keepsAlive: request.keepsAlive, isVersion10: request.isVersion10, to: &writer) { writer in
                    write(counts, heard, request.source.family, to: &writer)
                }
            case (.scrape(let keys), nil):
                writeBody(keepsAlive: request.keepsAlive, isVersion10: request.isVersion10, to: &writer) { writer in
                    write(scrape: keys, to: &writer)
                }
            }
        } catch {
            refuse(error, keepsAlive: request.keepsAlive, isVersion10: request.isVersion10, to: &writer)
        }
        return writer.count
    }

    /// Whether all that the tracker works with is there. It serves from memory if not, so the status is the same.
    private func writeReadiness(_ head: HTTPRequestHead, _ turn: inout Turn, to writer: inout ByteWriter) {
        turn.page = Array((shared?.problem.map { "degraded: \($0)\n" } ?? "ok\n").utf8)
        writeHead(
            .ok, type: "text/plain; charset=utf-8", keepsAlive: head.keepsAlive, isVersion10: head.isVersion10,
            to: &writer)
        writer.write("Content-Length: ")
        writer.write(decimal: turn.page.count)
        writer.write("\r\n\r\n")
    }

    private func scrape(
        _ head: HTTPRequestHead, _ source: PeerAddress, _ turn: inout Turn, to writer: inout ByteWriter
    ) {
        do throws(TrackerRefusal) {
            let keys = try AnnounceQuery.scrapeKeys(head.query)
            if asksShared {
                turn.waiting = WaitingRequest(
                    kind: .scrape(keys), source: source, keepsAlive: head.keepsAlive, isVersion10: head.isVersion10)
                return
            }
            writeBody(keepsAlive: head.keepsAlive, isVersion10: head.isVersion10, to: &writer) { writer in
                write(scrape: keys, to: &writer)
            }
        } catch {
            refuse(error, keepsAlive: head.keepsAlive, isVersion10: head.isVersion10, to: &writer)
        }
    }

    /// Writes the body of the response to a scrape from memory.
    private func write(scrape keys: [SwarmKey], to writer: inout ByteWriter) {
        AnnounceReply.write(
            scrape: keys.compactMap { key in store.counts(of: key).map { (key: key, counts: $0) } }, to: &writer)
    }
}
