import Files
import NIOCore
import NIOPosix

/// An open file in a served directory. Its descriptor is closed when the last reference is gone.
package final class ServedFile: Sendable {
    package let size: Int64
    /// Nanoseconds since 1970.
    package let modified: Int64
    /// The entity tag, made from the file's inode, size and modification time, so that it changes with the content.
    package let tag: String
    /// Whether the bytes come from a local disk or the page cache, so that sendfile can be used. On a mounted bucket,
    /// they may come over a network each time.
    let isLocal: Bool
    private let held: HeldFile
    /// The same descriptor, for sendfile. Only `held` closes it.
    private let handle: NIOFileHandle

    /// Opens a file. Follows no symbolic link below `root`, since a link may lead out of the tree or to unfinished
    /// content.
    /// - Parameter components: of the path below `root`. None may be empty, `.` or `..`, or contain a slash or a NUL
    ///   byte.
    /// - Returns: nil if there is no such regular file. Directories, pipes and devices are not served.
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
        // The handle only borrows the descriptor. No transmission is in progress, since each one holds this object.
        _ = try? handle.takeDescriptorOwnership()
    }

    /// The file's current size; nil if it cannot be read.
    var sizeNow: Int64? { try? held.status().size }

    /// A part of the file, for sendfile.
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
            // The file has become shorter, so the answer cannot be completed. The broken connection tells the client.
            guard buffer.readableBytes == count else { throw BecameShorter() }
            return buffer
        }
    }

    /// Loads a part into the page cache, off the event loops, so that sendfile does not block an event loop on the
    /// disk.
    /// - Returns: false if the file system does not support that. Then it does not support sendfile either.
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
