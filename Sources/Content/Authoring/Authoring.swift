// Authoring: making torrents from files, and verifying files against torrents.
//
// Purpose: find the files below a path in an order that depends only on their names, read each byte once using all
// processors, and compute v1 and v2 hashes from that one reading. The same reader checks which pieces of a torrent's
// content are correct.
//
// Must never: write to the content, follow a symbolic link without being told to, hold more of the content in memory
// than `AuthoringLimits` allows, make a torrent of files that changed while they were read, or let the result depend on
// the order in which directories are listed or threads finish.

/// Resource limits of one run.
package struct AuthoringLimits: Sendable, Hashable {
    /// Bytes of content in memory, all threads together.
    package var bufferBytes = 64 << 20
    /// Maximum bytes that one lane of a thread reads at a time. Shorter blocks stay in a core's second-level cache, but
    /// cost more than that saves: 128 KiB took 4 % more time, 32 KiB 15 %.
    package var blockBytes = 512 << 10
    /// Maximum number of threads, regardless of the number of processors.
    package var maxThreads = 128
    /// Number of files that a thread keeps open. A file is opened again if another thread reads its next piece.
    package var openFilesPerThread = 6
    /// Maximum number of entries in one scan. Bounds links that lead to the same directory many times.
    package var maxEntries = 4_000_000
    /// Minimum time between two progress reports, in milliseconds.
    package var progressInterval: Int64 = 50

    package static let standard = AuthoringLimits()

    package init() {}
}
