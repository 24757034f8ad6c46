import HTTPOrigin

/// The destination of content that its owner publishes.
package struct StagingPlace: Sendable, Equatable {
    /// The directory (or file) to which the content is written, regardless of the torrent's name.
    package var contentPath: String
    /// The directory of the resume record and its lock; created if missing. One for each transfer; the owner removes it
    /// after the transfer.
    package var recordPath: String

    package init(contentPath: String, recordPath: String) {
        self.contentPath = contentPath
        self.recordPath = recordPath
    }
}

/// A range source, and what it may be asked for.
package struct RangeSourcePlan: Sendable {
    /// Identifies the source within the transfer. Must differ from ``TransferStatus/peersID`` and contain no line
    /// breaks.
    package var id: String
    package var source: any RangeSource
    /// Indices in the torrent's layout. Pieces with bytes of these files and of others are downloaded completely.
    package var files: Set<Int>
    /// False while the source is paused, outside its window.
    package var isActive: Bool
    /// Bytes per second; nil for no limit.
    package var rateLimit: Int?

    package init(id: String, source: any RangeSource, files: Set<Int>, isActive: Bool = true, rateLimit: Int? = nil) {
        self.id = id
        self.source = source
        self.files = files
        self.isActive = isActive
        self.rateLimit = rateLimit
    }
}

/// The status of one source of a transfer.
package struct SourceStatus: Sendable, Equatable {
    package enum State: Sendable, Equatable {
        /// Nothing is requested from it: its files are complete, or other sources are fetching the rest.
        case idle
        case active
        case paused
        /// It has trouble of a kind that passes. It is asked again in `nextTry` seconds; 0 when that is being done.
        case failing(reason: SourceReason, nextTry: Double)
        /// As things are it is no source: its name does not resolve, it refuses connections, does not give out any of
        /// its files that are still missing (403, 404, 410), or has wrong content; for peers, none has a missing piece.
        /// It is probed all the same, next in `nextTry` seconds, and takes part again when it answers.
        case exhausted(reason: SourceReason, nextTry: Double)
    }

    package var state = State.idle
    /// Verified bytes of the selected files from this source since the transfer began.
    package var received: Int64 = 0
    /// Bytes per second.
    package var rate = 0.0
    /// Seconds since its last byte, or since it was last activated if no byte has arrived since.
    package var silence = 0.0
    /// Incomplete files of its share that it does not deliver.
    package var missingFiles: Set<Int> = []

    package init() {}
}
