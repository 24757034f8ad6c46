/// Options of the library. Times are in seconds.
package struct LibraryOptions: Sendable {
    /// What is excluded, in addition to `.swoop` and the like. The table itself always is.
    package var rules = LibraryRules()
    /// The purpose of the library, such as `receiver/A`. If it differs from the last time, the library is rebuilt. Nil:
    /// never.
    package var identity: String?
    /// Follow changes with inotify. If false, or if inotify does not work, scans find changes: at the start, on
    /// request, and every `rescanInterval`.
    package var watches = true
    /// Seconds between full scans if watching is unreliable: at the kernel's limit of watches, or on a file system that
    /// other hosts change too. Nil: never.
    package var rescanInterval: Double? = 600
    /// A file is hashed this long after its last observed change.
    package var settleTime = 1.0
    /// Minimum time between two writes of the table while files are being hashed.
    package var saveInterval = 2.0
    /// Time after which a file that was open for writing is examined again, if no event reports that it was closed.
    package var writerRetry = 2.0
    /// Time after which a missing root is looked for again.
    package var rootRetry = 5.0
    /// Limits for hashing in the background. `threads` is the maximum at any time.
    package var hashing: FileHasher.Limits = {
        var limits = FileHasher.Limits()
        limits.isGentle = true
        limits.isCautious = true
        return limits
    }()
    /// Maximum number of watched directories. Beyond it, as beyond the kernel's own limit, scans find changes.
    package var mostWatches = Int.max

    package static let standard = LibraryOptions()

    package init() {}
}

/// Progress of the library.
package struct LibraryProgress: Sendable, Equatable {
    /// Files in the table, and their bytes.
    package var files = 0
    package var bytes: Int64 = 0
    /// Files waiting to be hashed or being hashed, and their bytes.
    package var filesWaiting = 0
    package var bytesWaiting: Int64 = 0
    /// Bytes read for hashing since the start.
    package var bytesHashed: Int64 = 0
    package var isScanning = false
    /// Whether some directories are not watched, so that changes there show only in the next scan.
    package var isLimited = false
    /// Number of files that could not be read, plus one if the table could not be written.
    package var problems = 0

    package init() {}

    /// Whether all observed changes are in the table.
    package var isIdle: Bool { filesWaiting == 0 && !isScanning }
}
