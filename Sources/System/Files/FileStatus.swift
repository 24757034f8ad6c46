import Glibc

/// What `stat` tells.
package struct FileStatus: Sendable, Equatable {
    package enum Kind: Sendable, Equatable { case file, directory, symlink, other }

    package var kind: Kind
    /// Bytes.
    package var size: Int64
    /// Nanoseconds since 1970.
    package var modified: Int64
    /// Last change of anything at all, in nanoseconds since 1970.
    package var changed: Int64
    package var inode: UInt64
    package var device: UInt64
    /// Names that the file has; 0 after the last was removed.
    package var links: UInt64
    /// `st_mode`: type and permissions.
    package var mode: UInt32

    package init(
        kind: Kind, size: Int64, modified: Int64, changed: Int64 = 0, inode: UInt64, device: UInt64, links: UInt64 = 1,
        mode: UInt32 = 0
    ) {
        self.kind = kind
        self.size = size
        self.modified = modified
        self.changed = changed
        self.inode = inode
        self.device = device
        self.links = links
        self.mode = mode
    }

    /// The twelve bits that chmod(2) sets.
    package var permissions: UInt32 { mode & 0o7777 }
    /// Whether its owner may execute it.
    package var isExecutable: Bool { permissions & 0o100 != 0 }

    /// A time in nanoseconds; those far beyond what can be counted so are the largest that can.
    static func nanoseconds(seconds: Int64, nanoseconds: Int64) -> Int64 {
        let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        let (sum, carry) = whole.addingReportingOverflow(nanoseconds)
        return overflow || carry ? .max : sum
    }
}

extension FileStatus {
    init(_ answer: stat) {
        let kind: Kind =
            switch answer.st_mode & S_IFMT {
            case S_IFREG: .file
            case S_IFDIR: .directory
            case S_IFLNK: .symlink
            default: .other
            }
        func nanoseconds(_ time: timespec) -> Int64 {
            Self.nanoseconds(seconds: Int64(time.tv_sec), nanoseconds: Int64(time.tv_nsec))
        }
        self.init(
            kind: kind, size: Int64(answer.st_size), modified: nanoseconds(answer.st_mtim),
            changed: nanoseconds(answer.st_ctim), inode: UInt64(truncatingIfNeeded: answer.st_ino),
            device: UInt64(truncatingIfNeeded: answer.st_dev), links: UInt64(truncatingIfNeeded: answer.st_nlink),
            mode: UInt32(answer.st_mode))
    }
}
