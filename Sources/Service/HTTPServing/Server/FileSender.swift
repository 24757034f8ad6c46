import NIOCore

/// A part of a file that the system itself sends, with sendfile: an event for the ``ConnectionGate``, which puts it into the
/// body of the answer that is under way.
struct FileSlice: Sendable {
    let file: ServedFile
    let range: Range<Int64>
}

/// Sends parts of files on one connection without TLS.
package struct FileSender: Sendable {
    private let channel: any Channel

    init(_ channel: any Channel) { self.channel = channel }

    /// Returns when the system has taken the last byte. Everything of the answer that was written before goes before it.
    /// A connection on which this is cancelled is closed.
    func send(_ slice: FileSlice) async throws {
        let channel = channel
        try await withTaskCancellationHandler {
            let sent = channel.eventLoop.makePromise(of: Void.self)
            channel.triggerUserOutboundEvent(slice, promise: sent)
            try await sent.futureResult.get()
        } onCancel: {
            channel.close(promise: nil)
        }
    }
}
