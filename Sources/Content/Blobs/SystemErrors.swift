import Files
import Glibc

extension SystemError {
    var isMissing: Bool { number == ENOENT }
    var isExisting: Bool { number == EEXIST }
    /// Whether the disk is full or a quota is used up.
    package var isFull: Bool { number == ENOSPC || number == EDQUOT }
    static let missing = SystemError(ENOENT)
}

extension SystemError {
    /// An input or output error, where nothing better is known.
    package static let input = SystemError(EIO)
}
