import Glibc
import Jobs

/// Free disk space.
enum DiskSpace {
    /// Bytes that a file, or everything below a directory, takes on the disk. 0 for what does not exist. Blocks.
    static func used(by path: String) -> Int64 {
        var status = stat()
        guard lstat(path, &status) == 0 else { return 0 }
        let own = Int64(clamping: status.st_blocks).multipliedReportingOverflow(by: 512).partialValue
        guard status.st_mode & S_IFMT == S_IFDIR else { return own }
        return PathFiles.names(in: path).reduce(own) { $0 &+ used(by: "\(path)/\($1)") }
    }

    /// Free bytes, for this user, on the file system of a path. If the path does not exist, of its nearest existing
    /// parent. Nil if the system does not tell.
    static func free(_ path: String) -> Int64? {
        var path = path
        while PathFiles.status(path, follow: true) == nil {
            guard let slash = path.lastIndex(of: "/"), slash != path.startIndex else { return nil }
            path = String(path[..<slash])
        }
        var answer = statvfs()
        guard statvfs(path, &answer) == 0 else { return nil }
        return Int64(
            clamping: UInt64(answer.f_bavail).multipliedReportingOverflow(by: UInt64(answer.f_frsize)).partialValue)
    }
}
