import Address
import HTTPTransport
import Hashing
import NIOCore
import Tracking

/// Announces and scrapes over UDP (BEP 15). Keeps connection ids for a minute and sends lost packets again.
actor UDPTracker {
    private struct Peer {
        let session: UDPSession
        var connection: UInt64?
        var expires = NIODeadline.now()
    }

    private let settings: TrackerClientSettings
    /// By tracker address.
    private var peers: [SocketAddress: Peer] = [:]
    /// The address that responded last, by host and port: a tracker should see a node from one address.
    private var answering: [String: SocketAddress] = [:]
    private var isShutDown = false

    /// Maximum number of open tracker sockets. Beyond it, all idle ones are closed.
    private static let mostPeers = 64

    init(settings: TrackerClientSettings) { self.settings = settings }

    func shutdown() {
        isShutDown = true
        for peer in peers.values { peer.session.close() }
        peers = [:]
    }

    func announce(
        _ tracker: TrackerURL, _ request: AnnounceRequest, timeout: Double?
    ) async throws(TrackerClientError) -> (AnnounceAnswer, PeerAddress?) {
        let limits = settings.answers
        return try await ask(tracker, timeout: timeout) { connection, transaction, address in
            let packet = UDPTrackerRequest.announce(
                request, connection: connection, transaction: transaction, urlData: tracker.pathAndQuery)
            let family: PeerAddress.Family = address.protocol == .inet ? .ipv4 : .ipv6
            return Exchange(packet: packet) { datagram throws(TrackerAnswerError) in
                try UDPTrackerAnswer.announce(datagram, transaction: transaction, family: family, limits: limits)
                    .map { ($0, address.ipAddress.flatMap { PeerAddress(host: $0, port: 0) }) }
            }
        }
    }

    func scrape(
        _ tracker: TrackerURL, _ infoHashes: [SHA1Digest], timeout: Double?
    ) async throws(TrackerClientError) -> [SHA1Digest: ScrapeAnswer] {
        let limits = settings.answers
        return try await ask(tracker, timeout: timeout) { connection, transaction, _ in
            Exchange(packet: UDPTrackerRequest.scrape(infoHashes, connection: connection, transaction: transaction)) {
                datagram throws(TrackerAnswerError) in
                try UDPTrackerAnswer.scrape(datagram, transaction: transaction, infoHashes: infoHashes, limits: limits)
            }
        }
    }

    /// A packet, and how to parse its response.
    private struct Exchange<Answer: Sendable>: Sendable {
        let packet: [UInt8]
        let read: @Sendable ([UInt8]) throws(TrackerAnswerError) -> Answer?
    }

    private typealias Question<Answer: Sendable> =
        @Sendable (_ connection: UInt64, _ transaction: UInt32, _ address: SocketAddress) -> Exchange<Answer>

    /// An event while several addresses are asked.
    private enum Event<Answer: Sendable>: Sendable {
        case answered(Answer, SocketAddress)
        case failed(TrackerClientError)
        case patienceIsOver
    }

    /// Asks the tracker's addresses, each a little after the previous one, until one has responded.
    private func ask<Answer: Sendable>(
        _ tracker: TrackerURL, timeout: Double?, _ question: @escaping Question<Answer>
    ) async throws(TrackerClientError) -> Answer {
        guard !isShutDown else { throw .cancelled }
        let deadline = NIODeadline.now() + .after(timeout ?? settings.udpTimeouts.reduce(0, +))
        let name = "\(tracker.host):\(tracker.port)"
        let addresses = try await addresses(of: tracker)
        let stagger = settings.addressStagger
        let outcome = await withTaskGroup(of: Event<Answer>.self) { group in
            var untried = addresses[...]
            var asking = 0
            var failure: TrackerClientError?
            while true {
                if let address = untried.popFirst() {
                    asking += 1
                    group.addTask {
                        do throws(TrackerClientError) {
                            return .answered(
                                try await self.ask(address, host: name, until: deadline, question), address)
                        } catch {
                            return .failed(error)
                        }
                    }
                    group.addTask {
                        try? await Task.sleep(for: .seconds(stagger))
                        return .patienceIsOver
                    }
                }
                // The next address is tried when this one fails or takes too long, whichever comes first.
                while let event = asking > 0 ? await group.next() : nil {
                    switch event {
                    case .answered(let answer, let address):
                        group.cancelAll()
                        return Result<(Answer, SocketAddress), TrackerClientError>.success((answer, address))
                    case .failed(.answer(let refusal)):
                        // A failure response counts as a response.
                        group.cancelAll()
                        return .failure(.answer(refusal))
                    case .failed(let error):
                        failure = failure ?? error
                        asking -= 1
                    case .patienceIsOver: break
                    }
                    if !untried.isEmpty { break }
                }
                if untried.isEmpty && asking == 0 { break }
            }
            group.cancelAll()
            return .failure(failure ?? .unreachable("\(name) has no address that fits the local one"))
        }
        let (answer, address) = try outcome.get()
        if answering.count < 1_000 || answering[name] != nil { answering[name] = address }
        return answer
    }

    /// The tracker's addresses in the order to try: only the family of the local address, if one is set.
    private func addresses(of tracker: TrackerURL) async throws(TrackerClientError) -> [SocketAddress] {
        let all: [SocketAddress]
        do {
            all = try await settings.resolver(tracker.host, tracker.port)
        } catch {
            throw .unreachable(String(describing: error))
        }
        let allowed = allowedAddresses(of: tracker)
        let near = all.filter { allowed.contains(ReachSet(AddressReach($0))) }
        guard !near.isEmpty || all.isEmpty else {
            throw .unreachable(HTTPTransportError.refusedAddress(host: tracker.host).description)
        }
        let family = source?.protocol
        var usable = near.filter { family == nil || $0.protocol == family }
        if let last = answering["\(tracker.host):\(tracker.port)"], let place = usable.firstIndex(of: last) {
            usable.swapAt(0, place)
        }
        return Array(usable.prefix(settings.addresses))
    }

    /// A UDP tracker on this host may have no path, because UDP carries no path that could steer a service.
    private func allowedAddresses(of tracker: TrackerURL) -> ReachSet {
        let path = tracker.pathAndQuery.prefix { $0 != "?" }
        return settings.addressRule.addresses(
            ofPath: path.isEmpty || path == "/" ? "/announce" : path,
            query: tracker.pathAndQuery.dropFirst(path.count))
    }

    private var source: SocketAddress? { settings.source.flatMap { try? SocketAddress(ipAddress: $0, port: 0) } }

    /// Asks one address, with one attempt for each timeout, each with a valid connection id.
    private func ask<Answer: Sendable>(
        _ address: SocketAddress, host: String, until deadline: NIODeadline, _ question: Question<Answer>
    ) async throws(TrackerClientError) -> Answer {
        var timeouts = settings.udpTimeouts[...]
        while let timeout = timeouts.first, NIODeadline.now() < deadline, !Task.isCancelled {
            let mayBeStale = peers[address]?.connection != nil
            do {
                if let answer = try await once(address, until: min(.now() + .after(timeout), deadline), question) {
                    return answer
                }
                timeouts = timeouts.dropFirst()
            } catch let error as TrackerAnswerError {
                // Trackers refuse an expired connection id. If the id is new, the refusal is genuine.
                guard mayBeStale else { throw .answer(error) }
            } catch let error as UDPSession.Broken {
                throw .unreachable("\(host): \(error.reason)")
            } catch {
                throw .unreachable("\(host): \(error)")
            }
            // Refused or lost: the tracker may have forgotten the connection id, so the next attempt requests another.
            peers[address]?.connection = nil
        }
        throw Task.isCancelled ? .cancelled : .timedOut(host: host)
    }

    /// One attempt: nil if no response arrived in time.
    private func once<Answer: Sendable>(
        _ address: SocketAddress, until deadline: NIODeadline, _ question: Question<Answer>
    ) async throws -> Answer? {
        let session = try await session(to: address)
        guard let connection = try await connection(to: address, over: session, until: deadline) else { return nil }
        var generator = SystemRandomNumberGenerator()
        let transaction = generator.next(upperBound: UInt32.max)
        let exchange = question(connection, transaction, address)
        return try await session.exchange(
            exchange.packet, transaction: transaction, timeout: UDPTracker.seconds(until: deadline), read: exchange.read
        )
    }

    private static func seconds(until deadline: NIODeadline) -> Double {
        max(0.001, Double((deadline - .now()).nanoseconds) / 1e9)
    }

    private func session(to address: SocketAddress) async throws -> UDPSession {
        if let peer = peers[address], peer.session.isOpen { return peer.session }
        let session = try await UDPSession.open(to: address, from: source)
        // Another announce may have opened a session in the meantime, or the client may have been shut down.
        if let peer = peers[address], peer.session.isOpen {
            session.close()
            return peer.session
        }
        if isShutDown {
            session.close()
            throw CancellationError()
        }
        if peers.count >= UDPTracker.mostPeers { dropIdle() }
        peers[address] = Peer(session: session)
        return session
    }

    /// Closes sockets whose connection id has expired. If all are in use, the maximum is exceeded.
    private func dropIdle() {
        let now = NIODeadline.now()
        for (address, peer) in peers where peer.expires < now {
            peer.session.close()
            peers[address] = nil
        }
    }

    /// The connection id for an address; requests a new one if there is none that is valid. Nil if no response arrived.
    private func connection(
        to address: SocketAddress, over session: UDPSession, until deadline: NIODeadline
    ) async throws -> UInt64? {
        if let peer = peers[address], let connection = peer.connection, .now() < peer.expires { return connection }
        var generator = SystemRandomNumberGenerator()
        let transaction = generator.next(upperBound: UInt32.max)
        let limits = settings.answers
        let asked = NIODeadline.now()
        let connection = try await session.exchange(
            UDPTrackerRequest.connect(transaction: transaction), transaction: transaction,
            timeout: UDPTracker.seconds(until: deadline)
        ) { datagram throws(TrackerAnswerError) in
            try UDPTrackerAnswer.connection(datagram, transaction: transaction, limits: limits)
        }
        if let connection {
            peers[address]?.connection = connection
            peers[address]?.expires = asked + .after(settings.connectionIDLifetime)
        }
        return connection
    }
}
