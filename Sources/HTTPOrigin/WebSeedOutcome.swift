import NIOCore

/// Some bytes of the content, where they belong. Holds on to the memory they were received in; nothing is copied.
public struct WebSeedChunk: Sendable {
    /// In bytes from the start of the content space (see `ContentLayout`).
    public let offset: Int64
    private let buffer: ByteBuffer

    init(offset: Int64, buffer: ByteBuffer) {
        self.offset = offset
        self.buffer = buffer
    }

    /// Bytes, more than 0.
    public var count: Int { buffer.readableBytes }

    /// Gives access to the bytes; the pointer must not outlive the call.
    public func withUnsafeBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let outcome = buffer.withUnsafeReadableBytes { bytes in
            Swift.Result { () throws(Failure) in try body(bytes) }
        }
        return try outcome.get()
    }
}

/// How a fetch ended. Whatever chunks came before count as received, to be verified like any.
public enum WebSeedOutcome: Sendable, Hashable {
    /// All of it was delivered.
    case complete
    /// The sink asked to stop.
    case stopped
    /// It ended early; the next byte would have been the one at `next` of the content space.
    case failed(WebSeedProblem, next: Int64)
}

/// Why a web seed did not deliver, in terms of what to do about it. Texts name hosts, never whole URLs.
public enum WebSeedProblem: Error, Sendable, Hashable, CustomStringConvertible {
    /// Try again, not before `after` seconds if the server said so, else when `WebSeedHealth` says.
    case retry(after: Double?, reason: String)
    /// Do not ask for this file here again; nil: for nothing at all.
    case giveUp(file: Int?, reason: String)
    /// What the server has is not what the torrent describes.
    case wrongContent(reason: String)
    case cancelled

    public var description: String {
        switch self {
        case .retry(_, let reason), .giveUp(_, let reason), .wrongContent(let reason): "web seed: \(reason)"
        case .cancelled: "cancelled"
        }
    }
}
