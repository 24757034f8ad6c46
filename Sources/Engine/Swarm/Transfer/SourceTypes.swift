import HTTPOrigin

/// Content that goes to a place its owner chose, and is published by that owner.
package struct StagingPlace: Sendable, Equatable {
    /// The directory (or the file) that the content goes to, whatever the torrent's name.
    package var contentPath: String
    /// The directory of the resume record and its lock, made when it is missing. One for each transfer; it is the
    /// owner's to remove when the transfer is over.
    package var recordPath: String

    package init(contentPath: String, recordPath: String) {
        self.contentPath = contentPath
        self.recordPath = recordPath
    }
}

/// A source of ranges, and what it may be asked for.
package struct RangeSourcePlan: Sendable {
    /// Names it within the transfer; anything but ``TransferStatus/peersID``, without line breaks.
    package var id: String
    package var source: any RangeSource
    /// Indices in the torrent's layout. Pieces that lie in one of these files and in another are fetched whole.
    package var files: Set<Int>
    /// False while it pauses, outside its window.
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

/// One source of a transfer at one moment.
package struct SourceStatus: Sendable, Equatable {
    package enum State: Sendable, Equatable {
        /// Nothing is asked of it: its files are here, or others are busy with what is left.
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
    /// Verified bytes of the selected files that came from it since this transfer began.
    package var received: Int64 = 0
    /// Bytes per second.
    package var rate = 0.0
    /// Seconds since its last byte, or since it was last made active if none has come since.
    package var silence = 0.0
    /// Files of its share that are not complete and that it does not give out.
    package var missingFiles: Set<Int> = []

    package init() {}
}
