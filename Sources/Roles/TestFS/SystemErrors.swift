import Files
import Glibc

extension SystemError {
    static let full = ENOSPC
    static let quota = EDQUOT
    static let isDirectory = EISDIR
    static let notDirectory = ENOTDIR
    static let nameTooLong = ENAMETOOLONG
}
