import NIOCore

/// Some bytes of the content, where they belong. Holds on to the memory they were received in; nothing is copied.
package struct WebSeedChunk: Sendable {
    /// In bytes from the start of the content space (see `ContentLayout`).
    package let offset: Int64
    private let buffer: ByteBuffer

    /// - Parameters:
    ///   - offset: in bytes from the start of the content space, 0 or more.
    ///   - buffer: its readable bytes, at least one.
    package init(offset: Int64, buffer: ByteBuffer) {
        self.offset = offset
        self.buffer = buffer
    }

    /// Bytes, more than 0.
    package var count: Int { buffer.readableBytes }

    /// Gives access to the bytes; the pointer must not outlive the call.
    package func withUnsafeBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let outcome = buffer.withUnsafeReadableBytes { bytes in
            Swift.Result { () throws(Failure) in try body(bytes) }
        }
        return try outcome.get()
    }

    /// A part of the bytes, which goes on holding the same memory; nil for a range that is not inside.
    /// - Parameter range: counted from the chunk's own beginning.
    package func part(_ range: Range<Int>) -> WebSeedChunk? {
        guard range.lowerBound >= 0, range.upperBound <= count, !range.isEmpty,
            let slice = buffer.getSlice(at: buffer.readerIndex + range.lowerBound, length: range.count)
        else { return nil }
        return WebSeedChunk(offset: offset + Int64(range.lowerBound), buffer: slice)
    }
}

/// How a fetch ended. Whatever chunks came before count as received, to be verified like any.
package enum WebSeedOutcome: Sendable, Hashable {
    /// All of it was delivered.
    case complete
    /// The sink asked to stop.
    case stopped
    /// It ended early; the next byte would have been the one at `next` of the content space.
    case failed(WebSeedProblem, next: Int64)
}

/// Why a web seed did not deliver, in terms of what to do about it. Texts name hosts, never whole URLs.
package enum WebSeedProblem: Error, Sendable, Hashable, CustomStringConvertible {
    /// Try again, not before `after` seconds if the server said so, else when `WebSeedHealth` says.
    case retry(after: Double?, reason: SourceReason)
    /// Nobody answers there: the name does not resolve, or the connection is refused. Worth another try later, but as
    /// things are this is no source.
    case unreachable(reason: SourceReason)
    /// Do not ask for this file here again; nil: for nothing at all.
    case giveUp(file: Int?, reason: SourceReason)
    /// What the server has under the name of this file is not what the torrent describes.
    case wrongContent(file: Int, reason: SourceReason)
    case cancelled

    package var description: String {
        switch self {
        case .cancelled: "cancelled"
        default: "web seed: \(reason)"
        }
    }

    /// The same without saying whose it is.
    package var reason: SourceReason {
        switch self {
        case .retry(_, let reason), .unreachable(let reason), .giveUp(_, let reason), .wrongContent(_, let reason):
            reason
        case .cancelled: "cancelled"
        }
    }

    /// The same, with the name of the file where it is about one.
    /// - Parameter name: for a person.
    package func naming(_ name: @autoclosure () -> String) -> WebSeedProblem {
        switch self {
        case .giveUp(let file?, let reason): .giveUp(file: file, reason: reason.naming(name()))
        case .wrongContent(let file, let reason): .wrongContent(file: file, reason: reason.naming(name()))
        default: self
        }
    }
}
