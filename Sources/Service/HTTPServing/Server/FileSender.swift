import NIOCore

/// A part of an answer's body that goes by the connection's gate, so that it is known when the system has taken it.
package enum FilePart: Sendable {
    /// A part of a file that the system itself sends, with sendfile.
    case slice(ServedFile, Range<Int64>)
    /// The same, read.
    case bytes(ByteBuffer)
}

/// Sends parts of files as the body of one answer.
package protocol FileSender: Sendable {
    /// Whether the system may send them by itself.
    var sendsSlices: Bool { get }
    /// Sends a part after everything of the answer that was written before.
    /// - Returns: when the system has taken its last byte.
    func send(_ part: FilePart) -> EventLoopFuture<Void>
    /// Lets whoever waits for a part that was sent wait no more.
    func cancel()
}

/// That of a connection.
struct ConnectionSender: FileSender {
    let channel: any Channel
    /// Not over TLS: the bytes must be encrypted by this process.
    let sendsSlices: Bool

    /// The part is an event for the ``ConnectionGate``. Writing it as the rest of an answer would tell only that the
    /// connection's event loop has heard of it.
    func send(_ part: FilePart) -> EventLoopFuture<Void> {
        let sent = channel.eventLoop.makePromise(of: Void.self)
        channel.triggerUserOutboundEvent(part, promise: sent)
        return sent.futureResult
    }

    func cancel() { channel.close(promise: nil) }
}
