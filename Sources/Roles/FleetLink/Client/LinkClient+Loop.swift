import Fleet
import Hashing
import Text
import Threads

// The loop: one number of the sequence after the other.
extension LinkClient {
    /// Seconds beyond the interval that an answer may take.
    private static let patience = Reconnection.patience
    /// Seconds between two requests where the answer to the first brought nothing.
    private static let shortest = 1.0
    /// Seconds after which a host asks again that is refused.
    private static let refusedPause = 30.0
    /// Beyond this error of the clocks' difference, in seconds, an answer is asked for at once.
    private static let sharp = 0.25
    /// Seconds between two requests that are answered at once for that.
    private static let sharpPause = 60.0

    /// Syncs until the task is cancelled.
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
            // The number was answered, and others after it: what this host has is older than what control knows. The next number
            // shows control that two hosts have one key, or that one was set back.
            record.isAnswered = true
        case "revoked", "cloned":
            // No control answers otherwise; the person at this host has to do something.
            return await pause(Self.refusedPause)
        default: break
        }
        let wait = reconnection.failed(random: Double.random(in: 0..<1))
        logger.debug(
            "control is not reached", metadata: ["control": "\(control)", "reason": "\(problem)", "wait": "\(wait)"])
        await pause(wait)
        let controls = record.controls
        guard controls.count > 1 else { return }
        let place = controls.firstIndex(of: control) ?? 0
        control = controls[(place + 1) % controls.count]
        isFactsDue = true
    }

    /// One number: from its first sending to the answer to its last.
    /// - Returns: whether the answer brought something, or took its time.
    private func round(
        _ signals: inout AsyncStream<Signal>.Iterator, _ delegate: any LinkDelegate
    ) async throws(LinkProblem) -> Bool {
        if record.isAnswered {
            record.number += 1
            record.request = Self.randomText()
            record.isAnswered = false
            try await memory.save(record)
        }
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
                calls[number] = await send(number, delegate)
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
                // One of an earlier round: nobody waits for its answer any more, and its commands come again.
                guard sending.round == record.number else {
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
                    // The earlier sending of the number, which waits.
                    for call in calls.values { call.cancel() }
                    throw problem
                }
            }
        }
    }

    /// While somebody watches, figures go out between the answers.
    private func ticker() -> Task<Void, Never>? {
        guard !watched.isEmpty, let signals else { return nil }
        let every = every
        return Task {
            while !Task.isCancelled {
                try? await Task.sleep(for: .seconds(every))
                if !Task.isCancelled { signals.yield(.tick) }
            }
        }
    }

    private func send(_ number: Int, _ delegate: any LinkDelegate) async -> Task<Void, Never> {
        let facts = isFactsDue ? await delegate.facts() : nil
        isFactsDue = false
        let isFirst = number == 1
        var moment = isFirst ? await delegate.moment() : nil
        if facts == nil, moment == saidMoment { moment = nil }
        if let moment { saidMoment = moment }
        // The first of a round says how all jobs are, the others only what somebody looks at.
        let figures = await delegate.figures(watched: isFirst ? nil : Set(watched))
        let sending = Sending(
            round: record.number, number: number, asked: clock(), hasFacts: facts != nil, taken: taken)
        let isSharp = difference.uncertainty <= Self.sharp || Clocks.steadySeconds < nextSharp
        if !isSharp { nextSharp = Clocks.steadySeconds + Self.sharpPause }
        let request = SyncRequest(
            number: record.number, request: record.request, nonce: record.nonce, time: sending.asked, facts: facts,
            events: events.batch(), figures: figures, taken: taken, waits: isSharp, moment: moment)
        let (transport, control, patience) = (transport, control, isSharp ? interval + Self.patience : Self.patience)
        let signals = signals
        return Task {
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
    }

    /// - Returns: whether there was something in it.
    private func apply(_ reply: SyncReply, to sending: Sending, _ delegate: any LinkDelegate) async -> Bool {
        difference.measured(asked: sending.asked, answered: clock(), control: reply.time)
        let before = events.count
        await events.acknowledge(upTo: reply.acknowledged)
        taken.removeAll { sending.taken.contains($0) }
        let new = await delegate.take(reply.commands)
        taken += new.filter { !taken.contains($0) }
        (interval, every, watched) = (reply.interval, reply.every, reply.watched)
        await delegate.heard(
            LinkNews(
                state: reply.state, site: reply.site, control: control, clock: difference, interval: reply.interval,
                watched: reply.watched))
        return !reply.commands.isEmpty || events.count < before || !taken.isEmpty
    }

    /// The number is over.
    private func finish(_ reply: SyncReply) async throws(LinkProblem) {
        record.nonce = reply.nonce
        record.isAnswered = true
        let told = reply.controls.compactMap { ControlAddress($0) }
        if !told.isEmpty { record.told = told }
        // Made durable with the next number: until then, after a restart, the same number is sent again.
    }

    private static func randomText() -> String {
        Hexadecimal.encode((0..<16).map { _ in UInt8.random(in: 0 ... .max) })
    }
}
