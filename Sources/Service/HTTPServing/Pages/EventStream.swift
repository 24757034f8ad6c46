import HTTPTypes
import Hummingbird
import NIOCore
import Synchronization

/// Server-sent events (HTML Living Standard, section 9.2) for a bounded number of subscribers. Each gets new states
/// and, after a time without any, a sign that the connection is alive.
package final class EventStream: Sendable {
    private let limit: Int
    private let silence: Duration
    private let count = Mutex(0)

    package init(limits: HTTPLimits) {
        limit = limits.followers
        silence = limits.followerSilence
    }

    /// The result of reading the current state.
    package enum Look: Sendable {
        /// The current state, in one line; sent if it differs from the last one.
        case state([UInt8])
        /// There will be no more states: the stream ends.
        case gone
    }

    /// A response that sends a state whenever it has changed.
    /// - Parameters:
    ///   - event: the name of the event.
    ///   - interval: time between two reads of the state.
    /// - Returns: nil if there are too many subscribers.
    package func response(
        event: String, every interval: Duration, look: @escaping @Sendable () async -> Look
    ) -> Response? {
        guard count.withLock({ $0 < limit }) else { return nil }
        let body = ResponseBody { [self] writer in
            guard enter() else { return try await writer.finish(nil) }
            defer { leave() }
            let clock = ContinuousClock()
            var last: [UInt8] = []
            var saidAt = clock.now
            following: while !Task.isCancelled {
                switch await look() {
                case .gone:
                    try await writer.write(ByteBuffer(string: "event: gone\ndata: {}\n\n"))
                    break following
                case .state(let state) where state != last:
                    var text = ByteBuffer(string: "event: \(event)\ndata: ")
                    text.writeBytes(state)
                    text.writeString("\n\n")
                    try await writer.write(text)
                    (last, saidAt) = (state, clock.now)
                case .state where clock.now - saidAt >= silence:
                    try await writer.write(ByteBuffer(string: ": still here\n\n"))
                    saidAt = clock.now
                case .state: break
                }
                try await Task.sleep(for: interval)
            }
            try await writer.finish(nil)
        }
        return Response(status: .ok, headers: [.contentType: "text/event-stream"], body: body)
    }

    private func enter() -> Bool {
        count.withLock { count in
            guard count < limit else { return false }
            count += 1
            return true
        }
    }

    private func leave() { count.withLock { $0 -= 1 } }
}
