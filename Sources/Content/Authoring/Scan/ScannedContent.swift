import Metainfo

/// A file as it was found: enough to tell later whether it is still the same.
public struct FileIdentity: Sendable, Hashable {
    public let device: UInt64
    public let inode: UInt64
    /// In bytes.
    public let size: Int64
    /// Time of last change of the content: seconds since 1970 and nanoseconds.
    public let seconds: Int64
    public let nanoseconds: Int64

    public init(device: UInt64, inode: UInt64, size: Int64, seconds: Int64, nanoseconds: Int64) {
        self.device = device
        self.inode = inode
        self.size = size
        self.seconds = seconds
        self.nanoseconds = nanoseconds
    }
}

public struct ScannedFile: Sendable, Hashable {
    /// Below the top-level name; empty if the content is this one file.
    public let path: SafePath
    /// Whether its owner may execute it.
    public let isExecutable: Bool
    public let identity: FileIdentity

    /// In bytes.
    public var length: Int64 { identity.size }
}

/// The files of a content, found and not yet read.
public struct ScannedContent: Sendable {
    /// Where it lies; files are at this path, or below it.
    public let root: [UInt8]
    /// The last component of that path.
    public let name: PathComponent
    public let isSingleFile: Bool
    /// In the order of a v2 file tree: component by component, as bytes.
    public let files: [ScannedFile]
    public let warnings: [ScanWarning]
    /// Bytes of all files.
    public let totalLength: Int64

    /// Where a file lies, without a terminating NUL.
    func systemPath(of file: ScannedFile) -> [UInt8] {
        file.path.isEmpty ? root : root + [UInt8(ascii: "/")] + file.path.bytes
    }

    /// The same for a person.
    func displayPath(of file: ScannedFile) -> String { DisplayName.escape(systemPath(of: file)) }
}
