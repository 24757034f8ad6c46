import Glibc

/// Shell patterns for file selection, with `*` and `?`. A pattern with a slash is matched against the whole path below
/// the top-level name, where `*` crosses slashes; one without also against the last component alone.
package enum Glob {
    package static func matches(_ pattern: String, _ path: [UInt8]) -> Bool {
        if match(pattern, path) { return true }
        guard !pattern.utf8.contains(UInt8(ascii: "/")), let slash = path.lastIndex(of: UInt8(ascii: "/")) else {
            return false
        }
        return match(pattern, Array(path[(slash + 1)...]))
    }

    private static func match(_ pattern: String, _ path: [UInt8]) -> Bool {
        fnmatch(pattern, path.map { CChar(bitPattern: $0) } + [0], 0) == 0
    }
}
