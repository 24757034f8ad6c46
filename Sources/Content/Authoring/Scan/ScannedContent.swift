import Metainfo

/// The identity of a file when it was found, for detecting later changes.
package struct FileIdentity: Sendable, Hashable {
    package let device: UInt64
    package let inode: UInt64
    /// In bytes.
    package let size: Int64
    /// Time of the last change of the content: seconds since 1970 and nanoseconds.
    package let seconds: Int64
    package let nanoseconds: Int64

    package init(device: UInt64, inode: UInt64, size: Int64, seconds: Int64, nanoseconds: Int64) {
        self.device = device
        self.inode = inode
        self.size = size
        self.seconds = seconds
        self.nanoseconds = nanoseconds
    }
}

package struct ScannedFile: Sendable, Hashable {
    /// Path below the top-level name; empty if the content is this one file.
    package let path: SafePath
    /// Whether the owner may execute it.
    package let isExecutable: Bool
    package let identity: FileIdentity

    /// In bytes.
    package var length: Int64 { identity.size }
}

/// The files of a content, found but not read.
package struct ScannedContent: Sendable {
    /// The path of the file, or of the directory that contains the files.
    package let root: [UInt8]
    /// The last component of that path.
    package let name: PathComponent
    package let isSingleFile: Bool
    /// In the order of a v2 file tree: component by component, as bytes.
    package let files: [ScannedFile]
    package let warnings: [ScanWarning]
    /// Bytes of all files.
    package let totalLength: Int64

    /// The path of a file, without a terminating NUL.
    func systemPath(of file: ScannedFile) -> [UInt8] {
        file.path.isEmpty ? root : root + [UInt8(ascii: "/")] + file.path.bytes
    }

    /// The path of a file for display.
    func displayPath(of file: ScannedFile) -> String { DisplayName.escape(systemPath(of: file)) }
}
