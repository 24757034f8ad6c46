// Storage: a torrent's content and its record on disk: where each piece is, which pieces are durable, how finished
// content gets its name.
//
// Must never: write outside the given destination directory, whatever a torrent contains and even if a directory is
// replaced by a symlink meanwhile; delete or change a file of the user's that the torrent does not name; vouch for a
// piece whose bytes were not synced; decide what to download or from which source.
//
// All calls block. Call them on a bounded thread pool, never on an event loop.

/// All tunable parameters of this module, with defaults.
package struct StorageLimits: Sendable, Equatable {
    /// Maximum number of open files of one content, 1 or more. A descriptor in use stays open beyond it.
    package var openFiles = 256
    /// Maximum number of open directories of one content, 1 or more.
    package var openDirectories = 64
    /// If more files than this were written since the last sync, one `syncfs` replaces that many `fdatasync` calls.
    package var filesSyncedOneByOne = 128
    /// Bytes that one thread of a check reads before it hashes them together; at least one piece.
    package var checkBatchBytes = 8 << 20
    /// Maximum number of pieces hashed together: more lanes bring little.
    package var checkBatchPieces = 4
    /// Bytes in memory for all threads of a check together; at least one piece.
    package var checkBytes = 48 << 20
    /// Maximum size of a record or saved metainfo that is read, in bytes.
    package var recordBytes = 64 << 20
    /// Seconds between two checks whether a served file was changed by others.
    package var changeCheckInterval = 1.0
    /// Bytes copied or compared at a time.
    package var copyChunk = 1 << 20

    package init() {}
}

/// How disk space is reserved before content is written.
package enum Preallocation: Sendable, Equatable, CaseIterable {
    /// Files grow as pieces arrive.
    case none
    /// Files get their final length at once, as holes: space is used only when it is written.
    case sparse
    /// Space for every selected file is reserved first (`fallocate`), so that a full disk is detected at once.
    case full
}
