import Reactor

/// Calls a handler as long as there is something that it wants to hear of, as epoll does: level-triggered, never from within
/// a call of the handler's own.
final class ReadinessWatch {
    private let loop: EventLoop
    private let readiness: () -> Readiness
    private var interest: Interest = []
    private var handler: (any ReadinessHandler)?
    private var isLooking = false

    /// - Parameter readiness: how things stand now.
    init(on loop: EventLoop, _ readiness: @escaping () -> Readiness) {
        self.loop = loop
        self.readiness = readiness
    }

    func register(for interest: Interest, handler: any ReadinessHandler) {
        self.interest = interest
        self.handler = handler
        look()
    }

    func modify(for interest: Interest) {
        self.interest = interest
        look()
    }

    func unregister() { handler = nil }

    /// Things may stand otherwise now.
    func look() {
        guard handler != nil, !isLooking, isOfInterest(readiness()) else { return }
        isLooking = true
        // Posted work runs after the timers that are due, so that nobody keeps others from being served.
        let pass = Pass(watch: self)
        loop.post { pass.watch.tell() }
    }

    private func tell() {
        isLooking = false
        let now = readiness()
        guard let handler, isOfInterest(now) else { return }
        handler.ready(
            Readiness(
                readable: now.readable && interest.contains(.read), writable: now.writable && interest.contains(.write),
                closed: now.closed))
        look()
    }

    private func isOfInterest(_ now: Readiness) -> Bool {
        (now.readable && interest.contains(.read)) || (now.writable && interest.contains(.write)) || now.closed
    }

    /// Safe: a loop in virtual time runs what is posted to it on the thread that runs the network.
    private struct Pass: @unchecked Sendable {
        let watch: ReadinessWatch
    }
}
