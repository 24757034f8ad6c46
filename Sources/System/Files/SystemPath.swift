import Glibc

/// A path as the kernel takes it: bytes with a NUL at the end. It is no text and says nothing about links.
package struct SystemPath: Hashable, Sendable {
    /// With the NUL that C wants at the end. Empty for bytes with a NUL in them, so that they do not name something else.
    package let terminated: [CChar]

    package init(_ bytes: [UInt8]) {
        terminated = (bytes.contains(0) ? [] : bytes.map { CChar(bitPattern: $0) }) + [0]
    }

    package init(_ text: String) { self.init(Array(text.utf8)) }

    package var bytes: [UInt8] { terminated.dropLast().map { UInt8(bitPattern: $0) } }

    /// For messages and for tests; bytes that are not UTF-8 are lost.
    package var text: String { String(decoding: bytes, as: UTF8.self) }

    /// The directory that the last component is in, and that component.
    /// - Throws: `EISDIR` where the path ends with a slash, `.` or `..`; `ENAMETOOLONG`; `ENOENT` for an empty path.
    package func split() throws(SystemError) -> (directory: SystemPath, name: FileName) {
        let bytes = bytes
        guard !bytes.isEmpty else { throw SystemError(ENOENT) }
        let slash = bytes.lastIndex(of: UInt8(ascii: "/"))
        let last = bytes[(slash.map { $0 + 1 } ?? 0)...]
        guard let name = FileName(last) else { throw SystemError(last.count > 255 ? ENAMETOOLONG : EISDIR) }
        // The root keeps its slash.
        let above = slash.map { Array(bytes[..<max($0, 1)]) } ?? [UInt8(ascii: ".")]
        return (SystemPath(above), name)
    }
}
