import Fleet
import Hashing
import Text
import Threads

// The sync loop. Each round sends one number of the sequence, see ``SyncSequence``.
extension LinkClient {
    /// Minimum seconds between two rounds if the answer brought nothing new.
    private static let shortest = 1.0
    /// Seconds until a revoked or cloned host tries again.
    private static let refusedPause = 30.0
    /// If the difference between the clocks is less certain than this, in seconds, the request asks for an answer at
    /// once, to measure it.
    private static let sharp = 0.25
    /// Minimum seconds between two such requests.
    private static let sharpPause = 60.0

    /// Runs the loop until the task is cancelled.
    package func run(_ delegate: any LinkDelegate) async {
        let (stream, signals) = AsyncStream.makeStream(of: Signal.self)
        self.signals = signals
        defer { self.signals = nil }
        var iterator = stream.makeAsyncIterator()
        while !Task.isCancelled {
            await renewIfDue(delegate)
            do throws(LinkProblem) {
                let brought = try await round(&iterator, delegate)
                reconnection.succeeded()
                if !brought { await pause(Self.shortest) }
            } catch {
                if Task.isCancelled { break }
                await delegate.failed(error, at: control)
                await recover(from: error)
            }
        }
        signals.finish()
        await transport.shutdown()
    }

    private func pause(_ seconds: Double) async {
        try? await Task.sleep(for: .seconds(seconds))
    }

    private func recover(from problem: LinkProblem) async {
        switch problem.code {
        case "expired": hasRunOut = true
        case "replayed":
            // Control has answered this number and later ones, so the state of this host is older than control's. With
            // the next number, control can tell whether two hosts use one key, or this host was restored from a backup.
            record.isAnswered = true
        case "revoked", "cloned":
            // All controls give the same answer. Somebody has to act on this host.
            return await pause(Self.refusedPause)
        default: break
        }
        let wait = reconnection.failed(random: Double.random(in: 0..<1))
        logger.debug(
            "control is not reached", metadata: ["control": "\(control)", "reason": "\(problem)", "wait": "\(wait)"])
        await pause(wait)
        // Control may have taken this host for away. With its facts it is told of its jobs again, and says how they are.
        isFactsDue = true
        let controls = record.controls
        guard controls.count > 1 else { return }
        let place = controls.firstIndex(of: control) ?? 0
        control = controls[(place + 1) % controls.count]
        takesEvents = true
    }

    /// One round: sends one number, possibly several times, until its last sending is answered.
    /// - Returns: whether the answer brought something new, or took longer than the minimum pause.
    private func round(
        _ signals: inout AsyncStream<Signal>.Iterator, _ delegate: any LinkDelegate
    ) async throws(LinkProblem) -> Bool {
        if record.isAnswered {
            // Not used before it is durable: after a restart it would be used for another request.
            var next = record
            next.number += 1
            next.request = Self.randomText()
            next.isAnswered = false
            try await memory.save(next)
            record = next
        }
        rounds += 1
        let current = rounds
        var round = SyncRound()
        var calls: [Int: Task<Void, Never>] = [:]
        let ticking = ticker()
        let begin = Clocks.steadySeconds
        defer { ticking?.cancel() }
        var (brought, said) = (false, events.newest)
        var action = round.next()
        while true {
            switch action {
            case .send(let number):
                said = events.newest
                let (call, isPrompt) = await send(number, delegate)
                calls[number] = call
                if isPrompt { round.isPrompt(number) }
            case .over: return brought || Clocks.steadySeconds - begin >= Self.shortest
            case .failed, .wait: break
            }
            guard let signal = await signals.next(isolation: self), !Task.isCancelled else {
                for call in calls.values { call.cancel() }
                throw .cancelled
            }
            switch signal {
            case .news:
                if events.newest > said || isFactsDue || !taken.isEmpty { round.news() }
                action = round.next()
            case .tick:
                round.news()
                action = round.next()
            case .answered(let sending, let result):
                // The answer to an earlier round. Nothing waits for it any more, and control sends its commands again.
                guard sending.round == current else {
                    if case .failure = result, sending.hasFacts { isFactsDue = true }
                    action = .wait
                    continue
                }
                calls[sending.number] = nil
                action = round.ended(sending.number, isGood: (try? result.get()) != nil)
                switch result {
                case .success(let reply):
                    brought = await apply(reply, to: sending, delegate) || brought
                    if action == .over { try await finish(reply) }
                case .failure(let problem):
                    isFactsDue = isFactsDue || sending.hasFacts
                    saidMoment = nil
                    guard action == .failed else { continue }
                    // An earlier sending of the same number may still be waiting at control.
                    for call in calls.values { call.cancel() }
                    throw problem
                }
            }
        }
    }

    /// Triggers further sendings with progress reports while somebody watches a job.
    private func ticker() -> Task<Void, Never>? {
        guard !watched.isEmpty, let signals else { return nil }
        return Task {
            while !Task.isCancelled {
                // As the last answer has it.
                try? await Task.sleep(for: .seconds(every))
                if !Task.isCancelled { signals.yield(.tick) }
            }
        }
    }

    /// - Returns: the call, and whether control answers it at once.
    private func send(
        _ number: Int, _ delegate: any LinkDelegate
    ) async -> (call: Task<Void, Never>, isPrompt: Bool) {
        let facts = isFactsDue ? await delegate.facts() : nil
        isFactsDue = false
        let isFirst = number == 1
        var moment = isFirst ? await delegate.moment() : nil
        if facts == nil, moment == saidMoment { moment = nil }
        if let moment { saidMoment = moment }
        // The first of a round says how all jobs are, the others only what somebody looks at.
        let figures = await delegate.figures(watched: isFirst ? nil : Set(watched))
        let events = events.batch()
        let sending = Sending(
            round: rounds, number: number, asked: clock(), hasFacts: facts != nil, hasEvents: !events.isEmpty,
            taken: taken)
        let isSharp = difference.uncertainty <= Self.sharp || Clocks.steadySeconds < nextSharp
        if !isSharp { nextSharp = Clocks.steadySeconds + Self.sharpPause }
        let request = SyncRequest(
            number: record.number, request: record.request, nonce: record.nonce, time: sending.asked, facts: facts,
            events: events, figures: figures, taken: taken, waits: isSharp, moment: moment)
        let (transport, control, signals) = (transport, control, signals)
        // The answer may come as late as the end of the interval.
        let patience = Reconnection.patience(controls: record.controls.count) + (isSharp ? interval : 0)
        let call = Task {
            let result: Result<SyncReply, LinkProblem>
            do throws(LinkProblem) {
                result = .success(
                    try await transport.call(
                        .POST, "sync", request, at: control, most: 17 << 20, patience: patience))
            } catch {
                result = .failure(error)
            }
            signals?.yield(.answered(sending, result))
        }
        return (call, !request.waits || (sending.hasEvents && takesEvents))
    }

    /// - Returns: whether the reply brought something new.
    private func apply(_ reply: SyncReply, to sending: Sending, _ delegate: any LinkDelegate) async -> Bool {
        difference.measured(asked: sending.asked, answered: clock(), control: reply.time)
        if sending.hasEvents { takesEvents = reply.acknowledged > 0 }
        let before = events.count
        await events.acknowledge(upTo: reply.acknowledged)
        taken.removeAll { sending.taken.contains($0) }
        let new = await delegate.take(reply.commands)
        taken += new.filter { !taken.contains($0) }
        (interval, every, watched) = (reply.interval, reply.every, reply.watched)
        await delegate.heard(
            LinkNews(
                state: reply.state, site: reply.site, control: control, clock: difference, interval: reply.interval,
                watched: reply.watched, shares: reply.shares))
        return !reply.commands.isEmpty || events.count < before || !taken.isEmpty
    }

    /// Call when the round's number has been answered.
    private func finish(_ reply: SyncReply) async throws(LinkProblem) {
        record.nonce = reply.nonce
        record.isAnswered = true
        let told = reply.controls.compactMap { ControlAddress($0) }
        if !told.isEmpty { record.told = told }
        // The record is saved with the next number. After a restart before that, the agent sends the same number again.
    }

    private static func randomText() -> String {
        Hexadecimal.encode((0..<16).map { _ in UInt8.random(in: 0 ... .max) })
    }
}
