/// An open file or directory, as the kernel numbers it.
package typealias Descriptor = Int32

/// How a file is opened.
package struct OpenOptions: OptionSet, Sendable {
    package let rawValue: Int

    package init(rawValue: Int) { self.rawValue = rawValue }

    package static let write = OpenOptions(rawValue: 1)
    package static let create = OpenOptions(rawValue: 2)
    /// With `create`: an error when the name exists.
    package static let exclusive = OpenOptions(rawValue: 4)
    package static let truncate = OpenOptions(rawValue: 8)
    /// A symlink as the last component is followed; otherwise it is an error.
    package static let followSymlink = OpenOptions(rawValue: 16)
    /// The file gets the executable bits (as far as the umask lets it) when it is created.
    package static let executable = OpenOptions(rawValue: 32)
    /// Written and never read: some mounted buckets open files for nothing else.
    package static let writeOnly: OpenOptions = [.write, OpenOptions(rawValue: 64)]
    /// When the file is created, others than owner and group get no permission: secrets may be in it.
    package static let hiddenFromOthers = OpenOptions(rawValue: 128)
}

package enum RenameMode: Sendable { case replace, noReplace, exchange }

/// The few things that are asked of a file system. Everything but what takes a path is relative to an open directory and
/// takes one name, so that nothing above it can be swapped meanwhile. Calls restart after signals, and reads and writes
/// are whole unless said otherwise.
package protocol FileLayer: Sendable {
    /// Opens a directory by path. Symlinks are followed: the path is the user's own.
    func openDirectory(path: SystemPath) throws(SystemError) -> Descriptor
    /// Makes the directory and those above it that are missing, durably.
    func makeDirectories(path: SystemPath) throws(SystemError)
    func openDirectory(_ name: FileName, in directory: Descriptor, followSymlink: Bool) throws(SystemError)
        -> Descriptor
    func open(_ name: FileName, in directory: Descriptor, _ options: OpenOptions) throws(SystemError) -> Descriptor
    func close(_ descriptor: Descriptor)

    /// Reads until the buffer is full or the file ends; answers the bytes read.
    func read(
        _ descriptor: Descriptor, into buffer: UnsafeMutableRawBufferPointer, at offset: Int64
    ) throws(SystemError) -> Int
    /// Writes all of it or throws.
    func write(_ descriptor: Descriptor, _ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(SystemError)

    /// Makes data durable (`fdatasync`), or data and all metadata (`fsync`; for directories: their entries).
    func synchronize(_ descriptor: Descriptor, dataOnly: Bool) throws(SystemError)
    /// Makes everything on that file system durable (`syncfs`).
    func synchronizeFileSystem(_ descriptor: Descriptor) throws(SystemError)

    func truncate(_ descriptor: Descriptor, to length: Int64) throws(SystemError)
    /// Reserves space and extends the file. `EOPNOTSUPP` where the file system cannot.
    func allocate(_ descriptor: Descriptor, length: Int64) throws(SystemError)
    /// Makes a part of a file zeros that take no space; its length stays. False where the file system cannot.
    func punch(_ descriptor: Descriptor, at offset: Int64, length: Int64) throws(SystemError) -> Bool
    /// Bytes that an ordinary user can still write there.
    func freeSpace(_ descriptor: Descriptor) throws(SystemError) -> Int64

    func status(_ descriptor: Descriptor) throws(SystemError) -> FileStatus
    /// A symlink itself, not what it points to, unless asked. Nil when there is no such name.
    func status(_ name: FileName, in directory: Descriptor, followSymlink: Bool) throws(SystemError) -> FileStatus?

    /// `EEXIST` when it exists.
    func makeDirectory(_ name: FileName, in directory: Descriptor) throws(SystemError)
    func rename(
        _ name: FileName, in directory: Descriptor, to newName: FileName, in newDirectory: Descriptor,
        _ mode: RenameMode
    ) throws(SystemError)
    func link(
        _ name: FileName, in directory: Descriptor, to newName: FileName, in newDirectory: Descriptor
    ) throws(SystemError)
    /// Removes a file, a symlink, or (with `directory`) an empty directory.
    func remove(_ name: FileName, in directory: Descriptor, isDirectory: Bool) throws(SystemError)
    /// All entries but `.` and `..`; names longer than 255 bytes cannot be.
    func list(_ directory: Descriptor) throws(SystemError) -> [FileName]

    /// Where data next begins at or after `offset`; nil when only a hole follows (`SEEK_DATA`).
    func nextData(_ descriptor: Descriptor, from offset: Int64) throws(SystemError) -> Int64?
    /// Where a hole next begins at or after `offset`, at the latest the end (`SEEK_HOLE`); nil beyond the end.
    func nextHole(_ descriptor: Descriptor, from offset: Int64) throws(SystemError) -> Int64?

    /// Lets the target share all blocks of the source (`FICLONE`). Throws where the file system cannot.
    func clone(_ source: Descriptor, to target: Descriptor) throws(SystemError)
    /// Copies inside the kernel; answers the bytes copied, 0 at the source's end.
    func copy(
        _ source: Descriptor, from offset: Int64, to target: Descriptor, at targetOffset: Int64, length: Int
    ) throws(SystemError) -> Int

    /// Takes the exclusive lock (`flock`) until the descriptor is closed; false when somebody has it.
    func lock(_ descriptor: Descriptor) throws(SystemError) -> Bool
    /// The canonical form of a path, without symlinks.
    func canonicalPath(_ path: String) throws(SystemError) -> String
}
