// Authoring: torrents from files, and files held against torrents.
//
// What it is for: finding the files below a path in an order that depends on nothing but their names, reading each of
// their bytes once with all processors, and hashing them for v1 and v2 from that one reading. The same reader says
// which pieces of a torrent's content are right.
//
// What it must never do: write to the content, follow a symbolic link that it was not told to follow, hold more of the
// content in memory than `AuthoringLimits` says, make a torrent of files that changed while it read them, or let the
// result depend on the order in which directories list their entries or threads finish.

/// How much one run may take of the machine.
package struct AuthoringLimits: Sendable, Hashable {
    /// Bytes of content held at a time by all threads together.
    package var bufferBytes = 64 << 20
    /// Most bytes that one lane of a thread reads at a time. Shorter ones stay in a core's second-level cache, but cost more
    /// than that saves: 128 KiB took 4 % more time, 32 KiB 15 %.
    package var blockBytes = 512 << 10
    /// Most threads, whatever the number of processors.
    package var maxThreads = 128
    /// Files that a thread keeps open. A file is opened again when its next piece is read by another thread.
    package var openFilesPerThread = 6
    /// Most entries looked at in one scan: links that lead to the same directory many times end here.
    package var maxEntries = 4_000_000
    /// Shortest time between two reports of progress, in milliseconds.
    package var progressInterval: Int64 = 50

    package static let standard = AuthoringLimits()

    package init() {}
}
