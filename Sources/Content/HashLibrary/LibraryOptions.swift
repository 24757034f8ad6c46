/// What the library is for and how much it may take. Times are in seconds.
public struct LibraryOptions: Sendable {
    /// What is left out, beside `.swoop` and the like; the table itself always is.
    public var rules = LibraryRules()
    /// What the library was made for, as `receiver/A`; when it is another than last time, the library is rebuilt. Nil:
    /// never.
    public var identity: String?
    /// Changes told by inotify are followed. Without, or where it does not work, scans at the start and on request (and
    /// every `rescanInterval`) do it.
    public var watches = true
    /// Between scans of everything where watching cannot be relied on: the kernel's limit of watches was reached, or a
    /// file system that others change too. Nil: never.
    public var rescanInterval: Double? = 600
    /// A file is hashed so long after the last change that was seen.
    public var settleTime = 1.0
    /// The table is written at most so often while files are being hashed.
    public var saveInterval = 2.0
    /// Until a file that somebody has open for writing is looked at again, should no event tell of its end.
    public var writerRetry = 2.0
    /// Until a root that went away is looked for again.
    public var rootRetry = 5.0
    /// How the library hashes in the background. Threads: at once at most.
    public var hashing: FileHasher.Limits = {
        var limits = FileHasher.Limits()
        limits.isGentle = true
        limits.isCautious = true
        return limits
    }()
    /// Most directories that are watched; beyond, as at the kernel's own limit, scans step in.
    public var mostWatches = Int.max

    public static let standard = LibraryOptions()

    public init() {}
}

/// How far the library is.
public struct LibraryProgress: Sendable, Equatable {
    /// Files that the table has, and their bytes.
    public var files = 0
    public var bytes: Int64 = 0
    /// Files that wait to be hashed or are being hashed, and their bytes.
    public var filesWaiting = 0
    public var bytesWaiting: Int64 = 0
    /// Read for hashing since the start.
    public var bytesHashed: Int64 = 0
    public var isScanning = false
    /// Some directories are not watched, so that changes there show with the next scan.
    public var isLimited = false
    /// Files that could not be read, and the table if it could not be written.
    public var problems = 0

    public init() {}

    /// Whether all that was seen is in the table.
    public var isIdle: Bool { filesWaiting == 0 && !isScanning }
}
