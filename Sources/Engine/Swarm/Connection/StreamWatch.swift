import Reactor

/// The events that the loop reports for one stream. Calls the system only for changes.
struct StreamWatch {
    private(set) var interest: Interest = []
    private var isRegistered = false

    mutating func want(
        _ change: Interest, of stream: ByteStream, on loop: EventLoop, handler: any ReadinessHandler
    ) throws(SocketError) {
        guard change != interest || !isRegistered else { return }
        interest = change
        if isRegistered { return stream.modify(on: loop, for: change) }
        isRegistered = true
        do { try stream.register(on: loop, for: change, handler: handler) } catch {
            isRegistered = false
            throw error
        }
    }

    /// Ends watching. Must come before the stream is closed.
    mutating func end(of stream: ByteStream, on loop: EventLoop) {
        guard isRegistered else { return }
        isRegistered = false
        stream.unregister(from: loop)
    }
}
