// Storage keeps a torrent's content and the record of it on disk: where each piece lies, which pieces are durable, how
// finished content gets its name.
//
// It must never: write outside the destination directory it was given, whatever a torrent says and whoever swaps a
// directory for a symlink meanwhile; delete or alter a file of the user's that the torrent does not name; vouch for a
// piece whose bytes were not synced; decide what to fetch or from whom.
//
// All calls block. They are meant for a bounded pool of threads, never for an event loop.

/// Every tunable of this module with its default.
package struct StorageLimits: Sendable, Equatable {
    /// Files of one content that are kept open, 1 or more. A descriptor in use (a lease) stays open beyond it.
    package var openFiles = 256
    /// Directories of one content that are kept open, 1 or more.
    package var openDirectories = 64
    /// With more files than this written since the last sync, one `syncfs` replaces that many `fdatasync`s.
    package var filesSyncedOneByOne = 128
    /// Bytes that one thread of a check reads before it hashes them together; one piece at least.
    package var checkBatchBytes = 8 << 20
    /// Pieces hashed together at most: more lanes than this bring little.
    package var checkBatchPieces = 4
    /// Bytes that all threads of a check hold together; one piece at least.
    package var checkBytes = 48 << 20
    /// Largest record or saved metainfo that is read back, in bytes.
    package var recordBytes = 64 << 20
    /// Seconds between two looks at whether a file that is served was changed by others.
    package var changeCheckInterval = 1.0
    /// Bytes copied or compared at a time.
    package var copyChunk = 1 << 20

    package init() {}
}

/// How space for content is set aside before it is written.
package enum Preallocation: Sendable, Equatable, CaseIterable {
    /// Files grow as pieces arrive.
    case none
    /// Files get their final length at once, as holes: no space is taken before it is written.
    case sparse
    /// Space for every selected file is reserved first (`fallocate`), so that a full disk is met at once.
    case full
}
