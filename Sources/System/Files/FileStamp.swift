/// What a file looks like from outside; two equal stamps mean that nobody wrote to it, as far as the kernel tells.
package struct FileStamp: Sendable, Hashable {
    /// Bytes.
    package let size: Int64
    /// Nanoseconds since 1970.
    package let modified: Int64
    package let inode: UInt64

    package init(size: Int64, modified: Int64, inode: UInt64) {
        self.size = size
        self.modified = modified
        self.inode = inode
    }

    package init(_ status: FileStatus) {
        self.init(size: status.size, modified: status.modified, inode: status.inode)
    }
}

/// A stamp with the device that the file was on, where a file is told from files elsewhere. A device's number changes
/// when a disk is mounted anew.
package struct DeviceStamp: Sendable, Hashable {
    /// Bytes.
    package var size: Int64
    /// Nanoseconds since 1970.
    package var modified: Int64
    package var inode: UInt64
    package var device: UInt64

    package init(size: Int64, modified: Int64, inode: UInt64, device: UInt64) {
        self.size = size
        self.modified = modified
        self.inode = inode
        self.device = device
    }

    package init(_ status: FileStatus) {
        self.init(size: status.size, modified: status.modified, inode: status.inode, device: status.device)
    }

    /// With the time as seconds since 1970 and nanoseconds, as some records keep it.
    package init(device: UInt64, inode: UInt64, size: Int64, seconds: Int64, nanoseconds: Int64) {
        let modified = FileStatus.nanoseconds(seconds: seconds, nanoseconds: nanoseconds)
        self.init(size: size, modified: modified, inode: inode, device: device)
    }

    /// Whole seconds of `modified`, rounded down.
    package var seconds: Int64 { modified / 1_000_000_000 - (modified % 1_000_000_000 < 0 ? 1 : 0) }
    /// What `modified` has beyond whole seconds: 0 up to 999,999,999.
    package var nanoseconds: Int64 {
        let rest = modified % 1_000_000_000
        return rest < 0 ? rest + 1_000_000_000 : rest
    }

    /// Whether nobody wrote to the file in between, as far as the kernel tells, wherever its disk is mounted.
    package func isSameFile(as other: DeviceStamp) -> Bool {
        size == other.size && modified == other.modified && inode == other.inode
    }
}

/// Which file something is, whatever name it has.
package struct EntryIdentity: Sendable, Hashable {
    package let device: UInt64
    package let inode: UInt64

    package init(device: UInt64, inode: UInt64) {
        self.device = device
        self.inode = inode
    }

    package init(_ status: FileStatus) { self.init(device: status.device, inode: status.inode) }
}
