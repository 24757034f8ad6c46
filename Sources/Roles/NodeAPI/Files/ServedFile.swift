import Files
import Glibc
import NIOCore
import NIOPosix

/// An open file under the served directory. Its descriptor is closed when nobody has this any more.
final class ServedFile: Sendable {
    let size: Int64
    /// Nanoseconds since 1970.
    let modified: Int64
    /// Changes when the content does: size, time and number of the file.
    let tag: String
    private let file: HeldFile

    /// Follows no symbolic link, anywhere below `root`: a link may point out of the tree or to what is unfinished.
    /// - Returns: nil when there is no such file that may be served; directories, pipes and devices may not.
    init?(root: String, path: ServedPath) {
        let names = path.components.compactMap { FileName($0) }
        guard names.count == path.components.count, let name = names.last,
            var directory = try? HeldDirectory.open(SystemPath(root))
        else { return nil }
        for name in names.dropLast() {
            guard let next = try? directory.directory(name) else { return nil }
            directory = next
        }
        guard let file = try? directory.open(name), let status = try? file.status(), status.kind == .file else {
            return nil
        }
        self.file = file
        size = status.size
        modified = status.modified
        tag =
            "\"\(String(status.inode, radix: 36))-\(String(status.size, radix: 36))-\(String(modified, radix: 36))\""
        file.willBeReadInOrder()
    }

    /// Reads `count` bytes from `offset`, off the event loops.
    func read(at offset: Int64, count: Int) async throws -> ByteBuffer {
        try await NIOThreadPool.singleton.runIfActive {
            var buffer = ByteBufferAllocator().buffer(capacity: count)
            let got = try buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { room in
                try self.file.read(into: UnsafeMutableRawBufferPointer(rebasing: room[..<count]), at: offset)
            }
            // The file became shorter: the answer cannot be finished, and breaking it off is how the client learns.
            guard got == count else { throw SystemError(EIO) }
            return buffer
        }
    }
}
