import NIOCore

/// Bytes of the content, with their offset. Keeps the memory that they were received in; nothing is copied.
package struct WebSeedChunk: Sendable {
    /// In bytes from the start of the content space (see `ContentLayout`).
    package let offset: Int64
    private let buffer: ByteBuffer

    /// - Parameters:
    ///   - offset: start in the content space, in bytes, 0 or more.
    ///   - buffer: at least one readable byte.
    package init(offset: Int64, buffer: ByteBuffer) {
        self.offset = offset
        self.buffer = buffer
    }

    /// Number of bytes, more than 0.
    package var count: Int { buffer.readableBytes }

    /// Gives access to the bytes. The pointer must not escape the call.
    package func withUnsafeBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let outcome = buffer.withUnsafeReadableBytes { bytes in
            Swift.Result { () throws(Failure) in try body(bytes) }
        }
        return try outcome.get()
    }

    /// A part of the bytes, sharing the same memory; nil for a range outside the chunk.
    /// - Parameter range: relative to the start of the chunk.
    package func part(_ range: Range<Int>) -> WebSeedChunk? {
        guard range.lowerBound >= 0, range.upperBound <= count, !range.isEmpty,
            let slice = buffer.getSlice(at: buffer.readerIndex + range.lowerBound, length: range.count)
        else { return nil }
        return WebSeedChunk(offset: offset + Int64(range.lowerBound), buffer: slice)
    }
}

/// How a fetch ended. Chunks delivered before count as received and are verified as usual.
package enum WebSeedOutcome: Sendable, Hashable {
    /// Everything was delivered.
    case complete
    /// The sink asked to stop.
    case stopped
    /// The fetch ended early. `next` is the offset of the next missing byte in the content space.
    case failed(WebSeedProblem, next: Int64)
}

/// Why a web seed did not deliver, by what the caller should do. Texts name hosts, never whole URLs.
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

    /// This problem with the name of its file, if it concerns a file.
    /// - Parameter name: for a person.
    package func naming(_ name: @autoclosure () -> String) -> WebSeedProblem {
        switch self {
        case .giveUp(let file?, let reason): .giveUp(file: file, reason: reason.naming(name()))
        case .wrongContent(let file, let reason): .wrongContent(file: file, reason: reason.naming(name()))
        default: self
        }
    }
}
