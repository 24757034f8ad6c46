import Files
import NIOCore
import NIOPosix

/// An open file under a served directory. Its descriptor is closed when nobody has this any more.
package final class ServedFile: Sendable {
    package let size: Int64
    /// Nanoseconds since 1970.
    package let modified: Int64
    /// Changes when the content does: size, time and number of the file.
    package let tag: String
    /// Whether its bytes are on this machine or in its page cache, so that the system may send them by itself. On a mounted
    /// bucket they may come over a network each time.
    let isLocal: Bool
    private let held: HeldFile
    /// The same descriptor, for sending. `held` alone closes it.
    private let handle: NIOFileHandle

    /// Follows no symbolic link, anywhere below `root`: a link may point out of the tree or to what is unfinished.
    /// - Parameter components: of the path below `root`; none is empty, `.` or `..`, or has a slash or NUL in it.
    /// - Returns: nil when there is no such file that may be served; directories, pipes and devices may not.
    package init?(root: String, components: [[UInt8]]) {
        guard let (file, status) = Self.open(root, components) else { return nil }
        held = file
        handle = NIOFileHandle(_deprecatedTakingOwnershipOfDescriptor: file.descriptor)
        isLocal = !SystemFileLayer().isShared(file.descriptor)
        size = status.size
        modified = status.modified
        tag =
            "\"\(String(status.inode, radix: 36))-\(String(status.size, radix: 36))-\(String(modified, radix: 36))\""
        file.willBeReadInOrder()
    }

    private static func open(_ root: String, _ components: [[UInt8]]) -> (HeldFile, FileStatus)? {
        guard let last = components.last, let name = FileName(last),
            var directory = try? HeldDirectory.open(SystemPath(root))
        else { return nil }
        for component in components.dropLast() {
            guard let name = FileName(component), let next = try? directory.directory(name) else { return nil }
            directory = next
        }
        guard let file = try? directory.open(name), let status = try? file.status(), status.kind == .file else {
            return nil
        }
        return (file, status)
    }

    deinit {
        // The handle only borrows it. Nothing is being sent any more: whoever sends holds this file.
        _ = try? handle.takeDescriptorOwnership()
    }

    /// How many bytes it has now; nil if that cannot be told.
    var sizeNow: Int64? { try? held.status().size }

    /// A part of it, for sending with sendfile.
    func region(_ range: Range<Int64>) -> FileRegion {
        FileRegion(fileHandle: handle, readerIndex: Int(range.lowerBound), endIndex: Int(range.upperBound))
    }

    /// Reads `count` bytes from `offset`, off the event loops.
    package func read(at offset: Int64, count: Int) async throws -> ByteBuffer {
        try await NIOThreadPool.singleton.runIfActive {
            var buffer = ByteBufferAllocator().buffer(capacity: count)
            try buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { room in
                try self.held.read(into: UnsafeMutableRawBufferPointer(rebasing: room[..<count]), at: offset)
            }
            // The file became shorter: the answer cannot be finished, and breaking it off is how the client learns.
            guard buffer.readableBytes == count else { throw BecameShorter() }
            return buffer
        }
    }

    /// Brings a part into the page cache, off the event loops, so that sending it makes no event loop wait for a disk.
    /// - Returns: false when this file system has no way to do so; then it has none to send them either.
    func load(_ range: Range<Int64>) async throws -> Bool {
        try await NIOThreadPool.singleton.runIfActive {
            switch try self.held.loadIntoPageCache(range) {
            case .loaded: return true
            case .impossible: return false
            case .endsBefore: throw BecameShorter()
            }
        }
    }

    private struct BecameShorter: Error, CustomStringConvertible {
        var description: String { "the file became shorter" }
    }
}
