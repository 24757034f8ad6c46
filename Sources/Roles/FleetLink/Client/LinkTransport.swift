import Fleet
import HTTPTransport
import Identity
import JSON
import NIOCore
import NIOHTTP1
import NIOSSL
import Text
import Threads

/// Calls to control servers, over at most two connections to each.
package actor LinkTransport {
    /// Maximum number of connections to one control.
    private static let most = 2
    /// Maximum seconds to open a connection.
    private static let patience = 5.0

    private struct Place {
        var idle: [LinkConnection] = []
        var count = 0
        /// Calls that wait for a connection, in their order.
        var waiting: [(number: UInt64, resume: CheckedContinuation<Void, Never>)] = []
    }

    private let proxy: HTTPURL?
    private let trust: ServerTrust
    private let clock: @Sendable () -> Double
    private var context: NIOSSLContext
    /// Counts the changes of the certificate. Connections of an older generation are not reused.
    private var generation = 0
    private var generations: [ObjectIdentifier: Int] = [:]
    private var open: [ObjectIdentifier: LinkConnection] = [:]
    private var places: [ControlAddress: Place] = [:]
    private var waitNumber: UInt64 = 0
    private var isOver = false

    /// - Parameters:
    ///   - identity: nil for a host that has not joined yet.
    ///   - clock: seconds since 1970.
    package init(
        trust: ServerTrust, identity: (certificate: HostCertificate, key: HostKey)?, proxy: HTTPURL?,
        clock: @escaping @Sendable () -> Double = { Clocks.wallSeconds }
    ) throws(LinkProblem) {
        self.trust = trust
        self.proxy = proxy
        self.clock = clock
        context = try Self.context(identity)
    }

    private static func context(
        _ identity: (certificate: HostCertificate, key: HostKey)?
    ) throws(LinkProblem) -> NIOSSLContext {
        do { return try NIOSSLContext(configuration: LinkTLS.client(identity: identity)) } catch {
            throw .local("the certificate cannot be used: \(error)")
        }
    }

    /// Uses another certificate for new connections.
    func show(_ identity: (certificate: HostCertificate, key: HostKey)) throws(LinkProblem) {
        context = try Self.context(identity)
        dropIdle()
    }

    /// Closes all connections, also those in use. The next call opens new ones.
    package func disconnect() {
        dropIdle()
        for connection in open.values { connection.close() }
    }

    /// Closes the idle connections to a control.
    func release(_ control: ControlAddress) {
        let idle = places[control]?.idle ?? []
        places[control]?.idle = []
        for connection in idle {
            drop(connection)
            left(control)
        }
        if places[control]?.count == 0, places[control]?.waiting.isEmpty == true { places[control] = nil }
    }

    /// Closes idle connections. Those in use are closed after their current call.
    private func dropIdle() {
        generation += 1
        for address in Array(places.keys) { release(address) }
    }

    /// Closes idle connections, and those in use after their current call. Later calls and those that wait for a
    /// connection fail.
    package func shutdown() {
        isOver = true
        for (address, place) in places {
            for connection in place.idle { drop(connection) }
            for waiting in place.waiting { waiting.resume.resume() }
            places[address]?.idle = []
            places[address]?.waiting = []
        }
    }

    /// Number of calls that wait for a connection.
    package var waitingCalls: Int { places.values.reduce(0) { $0 + $1.waiting.count } }

    // MARK: Calls

    func call(_ call: LinkCall, at control: ControlAddress) async throws(LinkProblem) -> LinkAnswer {
        try await exchange(call, at: control).answer
    }

    /// - Returns: the answer, and the authority that issued the control's certificate.
    func exchange(
        _ call: LinkCall, at control: ControlAddress
    ) async throws(LinkProblem) -> (answer: LinkAnswer, authority: TrustedAuthority) {
        while true {
            let (connection, wasIdle) = try await take(control)
            do throws(LinkProblem) {
                let answer = try await connection.send(call)
                giveBack(connection, control)
                return (answer, connection.authority)
            } catch {
                drop(connection)
                left(control)
                // The server may have closed an idle connection.
                if wasIdle, call.canBeRepeated, case .broken = error, !Task.isCancelled { continue }
                throw error
            }
        }
    }

    private func take(_ control: ControlAddress) async throws(LinkProblem) -> (LinkConnection, wasIdle: Bool) {
        while true {
            if isOver { throw .cancelled }
            if Task.isCancelled {
                // It may have been woken for a connection that the next one can use.
                next(control)
                throw .cancelled
            }
            var place = places[control] ?? Place()
            while let connection = place.idle.popLast() {
                places[control] = place
                if connection.isOpen { return (connection, true) }
                drop(connection)
                place.count -= 1
                places[control] = place
            }
            if place.count < Self.most {
                place.count += 1
                places[control] = place
                return (try await connect(control), false)
            }
            await wait(for: control)
        }
    }

    /// Waits until a connection may be free, or the task is cancelled.
    private func wait(for control: ControlAddress) async {
        waitNumber += 1
        let number = waitNumber
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                guard !Task.isCancelled else { return continuation.resume() }
                places[control, default: Place()].waiting.append((number, continuation))
            }
        } onCancel: {
            Task { await self.giveUp(number, at: control) }
        }
    }

    private func giveUp(_ number: UInt64, at control: ControlAddress) {
        guard let index = places[control]?.waiting.firstIndex(where: { $0.number == number }) else { return }
        places[control]?.waiting.remove(at: index).resume.resume()
    }

    private func connect(_ control: ControlAddress) async throws(LinkProblem) -> LinkConnection {
        let generation = generation
        do throws(LinkProblem) {
            let connection = try await LinkConnection.open(
                to: control, proxy: proxy, context: context, trust: trust, now: clock(), patience: Self.patience)
            generations[ObjectIdentifier(connection)] = generation
            open[ObjectIdentifier(connection)] = connection
            return connection
        } catch {
            left(control)
            throw error
        }
    }

    private func giveBack(_ connection: LinkConnection, _ control: ControlAddress) {
        guard connection.isOpen, !isOver, generations[ObjectIdentifier(connection)] == generation else {
            drop(connection)
            return left(control)
        }
        places[control]?.idle.append(connection)
        next(control)
    }

    private func drop(_ connection: LinkConnection) {
        generations[ObjectIdentifier(connection)] = nil
        open[ObjectIdentifier(connection)] = nil
        connection.close()
    }

    /// Call when a connection has been closed.
    private func left(_ control: ControlAddress) {
        places[control]?.count -= 1
        next(control)
    }

    private func next(_ control: ControlAddress) {
        guard var place = places[control], !place.waiting.isEmpty else { return }
        let waiting = place.waiting.removeFirst()
        places[control] = place
        waiting.resume.resume()
    }
}

extension LinkTransport {
    /// Sends a message and reads a message from the answer.
    func call<Reply: WireMessage>(
        _ method: HTTPMethod, _ path: String, _ body: (some WireMessage)?, at control: ControlAddress,
        most: Int = 1 << 20, patience: Double = 30, canBeRepeated: Bool = true
    ) async throws(LinkProblem) -> Reply {
        let answer = try await call(
            LinkCall(
                method: method, path: "/agent/v1/" + path, body: body?.bytes, most: most, patience: patience,
                canBeRepeated: canBeRepeated), at: control)
        return try Self.read(answer, of: control, most: most)
    }

    static func read<Reply: WireMessage>(
        _ answer: LinkAnswer, of control: ControlAddress, most: Int
    ) throws(LinkProblem) -> Reply {
        try check(answer, of: control)
        let limits = JSONLimits(maxBytes: most, maxDepth: 32, maxValues: max(20_000, most / 16))
        do throws(WireProblem) { return try Reply(bytes: answer.body, limits: limits) } catch {
            throw .malformed(control.host, reason: error.description)
        }
    }

    /// - Throws: ``LinkProblem/refused(_:)`` for any status other than 2xx.
    static func check(_ answer: LinkAnswer, of control: ControlAddress) throws(LinkProblem) {
        guard !(200..<300).contains(answer.status) else { return }
        guard let problem = try? JSONValue.parse(answer.body), let code = problem["code"]?.stringValue else {
            throw .malformed(control.host, reason: "status \(answer.status)")
        }
        throw .refused(
            LinkRefusal(
                answer.status, String(code.prefix(64)), String((problem["detail"]?.stringValue ?? code).prefix(1024)),
                advice: problem["advice"]?.stringValue.map { String($0.prefix(1024)) },
                retryAfter: answer.headers.first(name: "retry-after").flatMap { Int($0) }))
    }
}
