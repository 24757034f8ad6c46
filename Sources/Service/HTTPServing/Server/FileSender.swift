import NIOCore

/// A part of an answer's body that is sent through the connection's gate, so that the sender learns when the system has
/// accepted it.
package enum FilePart: Sendable {
    /// A part of a file, to be sent with sendfile.
    case slice(ServedFile, Range<Int64>)
    /// Bytes that have been read from a file.
    case bytes(ByteBuffer)
}

/// Sends parts of files as the body of one answer.
package protocol FileSender: Sendable {
    /// Whether sendfile can be used.
    var sendsSlices: Bool { get }
    /// Sends a part after all earlier parts of the answer.
    /// - Returns: a future that succeeds when the system has accepted the last byte.
    func send(_ part: FilePart) -> EventLoopFuture<Void>
    /// Ends the wait for parts that are being sent.
    func cancel()
}

/// The sender for a connection.
struct ConnectionSender: FileSender {
    let channel: any Channel
    /// False with TLS, since this process must encrypt the bytes.
    let sendsSlices: Bool

    /// Triggers an event that the ``ConnectionGate`` handles. A write as part of the answer would only tell when the
    /// connection's event loop has received it.
    func send(_ part: FilePart) -> EventLoopFuture<Void> {
        let sent = channel.eventLoop.makePromise(of: Void.self)
        channel.triggerUserOutboundEvent(part, promise: sent)
        return sent.futureResult
    }

    func cancel() { channel.close(promise: nil) }
}
