import AsyncHTTPClient
import NIOCore
import NIOPosix

/// The body of a request, of known length.
package struct HTTPRequestBody: Sendable {
    let content: HTTPClientRequest.Body

    /// A few bytes.
    package init(_ bytes: [UInt8]) { content = .bytes(ByteBuffer(bytes: bytes)) }

    /// A body that is produced while it is sent, at the speed of the server.
    /// - Parameter length: total bytes; a sequence that ends earlier makes the request fail.
    package init<Parts: AsyncSequence & Sendable>(_ parts: Parts, length: Int64) where Parts.Element == ByteBuffer {
        content = .stream(parts, length: .known(length))
    }

    /// The same, of a length that only its end tells.
    package init<Parts: AsyncSequence & Sendable>(chunked parts: Parts) where Parts.Element == ByteBuffer {
        content = .stream(parts, length: .unknown)
    }
}

/// Runs blocking or CPU-bound work outside the event loops and the cooperative thread pool.
package enum BlockingWork {
    /// Runs `work` on the process's thread pool, after work that was submitted earlier.
    package static func run<Result: Sendable>(_ work: @escaping @Sendable () throws -> Result) async throws -> Result {
        try await NIOThreadPool.singleton.runIfActive(work)
    }
}
