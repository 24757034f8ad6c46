/// What the library is for and how much it may take. Times are in seconds.
package struct LibraryOptions: Sendable {
    /// What is left out, beside `.swoop` and the like; the table itself always is.
    package var rules = LibraryRules()
    /// What the library was made for, as `receiver/A`; when it is another than last time, the library is rebuilt. Nil:
    /// never.
    package var identity: String?
    /// Changes told by inotify are followed. Without, or where it does not work, scans at the start and on request (and
    /// every `rescanInterval`) do it.
    package var watches = true
    /// Between scans of everything where watching cannot be relied on: the kernel's limit of watches was reached, or a
    /// file system that others change too. Nil: never.
    package var rescanInterval: Double? = 600
    /// A file is hashed so long after the last change that was seen.
    package var settleTime = 1.0
    /// The table is written at most so often while files are being hashed.
    package var saveInterval = 2.0
    /// Until a file that somebody has open for writing is looked at again, should no event tell of its end.
    package var writerRetry = 2.0
    /// Until a root that went away is looked for again.
    package var rootRetry = 5.0
    /// How the library hashes in the background. Threads: at once at most.
    package var hashing: FileHasher.Limits = {
        var limits = FileHasher.Limits()
        limits.isGentle = true
        limits.isCautious = true
        return limits
    }()
    /// Most directories that are watched; beyond, as at the kernel's own limit, scans step in.
    package var mostWatches = Int.max

    package static let standard = LibraryOptions()

    package init() {}
}

/// How far the library is.
package struct LibraryProgress: Sendable, Equatable {
    /// Files that the table has, and their bytes.
    package var files = 0
    package var bytes: Int64 = 0
    /// Files that wait to be hashed or are being hashed, and their bytes.
    package var filesWaiting = 0
    package var bytesWaiting: Int64 = 0
    /// Read for hashing since the start.
    package var bytesHashed: Int64 = 0
    package var isScanning = false
    /// Some directories are not watched, so that changes there show with the next scan.
    package var isLimited = false
    /// Files that could not be read, and the table if it could not be written.
    package var problems = 0

    package init() {}

    /// Whether all that was seen is in the table.
    package var isIdle: Bool { filesWaiting == 0 && !isScanning }
}
