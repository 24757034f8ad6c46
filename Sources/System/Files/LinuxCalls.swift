import Glibc

// Calls that glibc has but Swift's Glibc module does not show, because it is imported without _GNU_SOURCE. All take and
// return plain integers and pointers, for which Swift's calling convention is C's on Linux (x86-64 and arm64).

@_silgen_name("renameat2")
func linuxRenameAt2(
    _ directory: Int32, _ name: UnsafePointer<CChar>, _ newDirectory: Int32, _ newName: UnsafePointer<CChar>,
    _ flags: UInt32
) -> Int32

@_silgen_name("fallocate")
func linuxFallocate(_ descriptor: Int32, _ mode: Int32, _ offset: Int, _ length: Int) -> Int32

@_silgen_name("copy_file_range")
func linuxCopyFileRange(
    _ source: Int32, _ offset: UnsafeMutablePointer<Int>?, _ target: Int32, _ targetOffset: UnsafeMutablePointer<Int>?,
    _ length: Int, _ flags: UInt32
) -> Int

@_silgen_name("syncfs")
func linuxSyncFS(_ descriptor: Int32) -> Int32

/// Values from <fcntl.h>, <stdio.h>, <unistd.h> and <linux/fs.h> that need _GNU_SOURCE or macros Swift cannot read.
enum Linux {
    static let renameNoReplace: UInt32 = 1
    static let renameExchange: UInt32 = 2
    /// FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE.
    static let punchHole: Int32 = 0x02 | 0x01
    static let seekData: Int32 = 3
    static let seekHole: Int32 = 4
    /// O_PATH.
    static let pathOnly: Int32 = 0o10000000
    /// `_IOW(0x94, 9, int)`.
    static let cloneRequest: UInt = 0x4004_9409
}
