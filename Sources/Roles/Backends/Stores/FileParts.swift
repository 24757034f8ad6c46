import Files
import HTTPTransport
import NIOCore

/// A file as the body of a request. It is read part by part while it is sent.
struct FileParts: AsyncSequence, Sendable {
    private let file: HeldFile
    private let path: String
    let length: Int64
    private static let partBytes = 256 << 10

    static func open(_ path: String) async throws(BackendProblem) -> FileParts {
        do {
            return try await BlockingWork.run {
                let file = try HeldFile(SystemPath(path), .followSymlink)
                return FileParts(file: file, path: path, length: try file.status().size)
            }
        } catch {
            throw BackendProblem(.disk, "cannot read \(path): \(error)")
        }
    }

    struct Iterator: AsyncIteratorProtocol {
        let parts: FileParts
        var offset: Int64 = 0

        mutating func next() async throws -> ByteBuffer? {
            guard offset < parts.length else { return nil }
            let (file, start, count) = (parts.file, offset, Int(Swift.min(Int64(partBytes), parts.length - offset)))
            let buffer = try await BlockingWork.run {
                var buffer = ByteBufferAllocator().buffer(capacity: count)
                try buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { room in
                    try file.read(into: UnsafeMutableRawBufferPointer(rebasing: room[..<count]), at: start)
                }
                return buffer
            }
            guard buffer.readableBytes > 0 else { throw BackendProblem(.disk, "\(parts.path) became shorter") }
            offset += Int64(buffer.readableBytes)
            return buffer
        }
    }

    func makeAsyncIterator() -> Iterator { Iterator(parts: self) }
}
