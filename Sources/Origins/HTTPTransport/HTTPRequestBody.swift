import AsyncHTTPClient
import NIOCore
import NIOPosix

/// What is sent along with a request, its length known beforehand.
package struct HTTPRequestBody: Sendable {
    let content: HTTPClientRequest.Body

    /// A few bytes.
    package init(_ bytes: [UInt8]) { content = .bytes(ByteBuffer(bytes: bytes)) }

    /// Bytes that are produced while they are sent, as fast as the server takes them.
    /// - Parameter length: how many they are; a sequence that ends before fails the request.
    package init<Parts: AsyncSequence & Sendable>(_ parts: Parts, length: Int64) where Parts.Element == ByteBuffer {
        content = .stream(parts, length: .known(length))
    }
}

/// Work that waits for a disk or keeps a core busy, off the event loops and the cooperative threads.
package enum BlockingWork {
    /// Runs it on the process's pool of threads, after what was handed in before.
    package static func run<Result: Sendable>(_ work: @escaping @Sendable () throws -> Result) async throws -> Result {
        try await NIOThreadPool.singleton.runIfActive(work)
    }
}
