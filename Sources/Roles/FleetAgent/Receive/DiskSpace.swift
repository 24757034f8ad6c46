import Glibc
import Jobs

/// Free space, by path.
enum DiskSpace {
    /// Free bytes for this user in the file system of a path, or of the nearest directory above it that exists; nil where the
    /// system does not say.
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
