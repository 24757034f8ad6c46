import CLinux
import Glibc

/// An open file or directory, closed when the last reference goes. Holding a reference keeps the descriptor usable for
/// `sendfile`, whatever a cache does.
package final class HeldFile: Sendable {
    package let layer: any FileLayer
    /// Not to be closed by others, nor used after this object is gone.
    package let descriptor: Descriptor

    /// - Parameter descriptor: from now on closed by this object alone.
    package init(_ descriptor: Descriptor, layer: any FileLayer = SystemFileLayer()) {
        self.descriptor = descriptor
        self.layer = layer
    }

    /// Opens by a path. The last component is followed only with `.followSymlink`.
    package convenience init(_ path: SystemPath, _ options: OpenOptions = []) throws(SystemError) {
        self.init(try SystemFileLayer().open(path, options))
    }

    /// A file that exists only in memory, until its last descriptor is closed.
    /// - Parameter name: shown by the kernel among a process's files.
    package static func inMemory(_ name: String, _ bytes: [UInt8]) throws(SystemError) -> HeldFile {
        let descriptor = swoop_memory_file(name)
        guard descriptor >= 0 else { throw .current }
        let file = HeldFile(descriptor)
        try file.layer.write(descriptor, bytes, at: 0)
        return file
    }

    deinit { layer.close(descriptor) }

    package func status() throws(SystemError) -> FileStatus { try layer.status(descriptor) }

    /// Reads until the buffer is full or the file ends; answers the bytes read.
    package func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(SystemError) -> Int {
        try layer.read(descriptor, into: buffer, at: offset)
    }

    /// The whole of a regular file of at most `limit` bytes.
    package func readAll(limit: Int) throws(SystemError) -> [UInt8] {
        try layer.readSmallFile(descriptor, limit: limit).bytes
    }

    /// What a pipe or a device gives until it ends, at most `limit` bytes. Waits for it.
    package func readStream(limit: Int) throws(SystemError) -> [UInt8] {
        try SystemFileLayer().readStream(descriptor, limit: limit)
    }

    /// Writes all of it or throws.
    package func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(SystemError) {
        try layer.write(descriptor, bytes, at: offset)
    }

    /// Where data next begins at or after `offset`; nil when only a hole follows.
    package func nextData(from offset: Int64) throws(SystemError) -> Int64? {
        try layer.nextData(descriptor, from: offset)
    }

    /// Tells the kernel that the file will be read from its begin to its end.
    package func willBeReadInOrder() { _ = posix_fadvise(descriptor, 0, 0, POSIX_FADV_SEQUENTIAL) }

    package func truncate(to size: Int64) throws(SystemError) { try layer.truncate(descriptor, to: size) }

    /// Makes the data durable, or data and all metadata.
    package func synchronize(dataOnly: Bool = false) throws(SystemError) {
        try layer.synchronize(descriptor, dataOnly: dataOnly)
    }
}
