import Synchronization

/// Where files have holes, each stretch asked for once: file systems in memory walk through every page to find the next
/// hole, which for each piece of a big file would take for ever.
///
/// What it knows is what was there when it asked; it is meant for the time of one check.
final class ExtentMap: Sendable {
    private let files: ContentFiles
    private let known = Mutex<[Int: Known]>([:])

    private struct Known {
        /// Begins anywhere in a stretch of data, and ends at the next hole.
        var data: Range<Int64> = 0..<0
        /// Begins anywhere in a hole, and ends at the next data.
        var hole: Range<Int64> = 0..<0
    }

    init(_ files: ContentFiles) { self.files = files }

    /// Files of a piece or less are asked about once anyway.
    private func note(_ file: Int, _ change: (inout Known) -> Void) {
        guard files.layout.files[file].length > Int64(files.layout.pieceLength) else { return }
        known.withLock { change(&$0[file, default: Known()]) }
    }

    /// Whether a range within a file is nothing but a hole. A file system that knows no holes says no.
    func isHole(_ file: Int, _ range: Range<Int64>) throws(StorageError) -> Bool {
        let old = known.withLock { $0[file] ?? Known() }
        if old.data.contains(range.lowerBound) { return false }
        if old.hole.contains(range.lowerBound) { return old.hole.upperBound >= range.upperBound }
        let opened = try files.openForReading(file)
        do {
            let data = try files.layer.nextData(opened.descriptor, from: range.lowerBound) ?? .max
            if data > range.lowerBound { note(file) { $0.hole = range.lowerBound..<data } }
            return data >= range.upperBound
        } catch {
            return false
        }
    }

    /// Whether a range within a file has a hole in it.
    func hasHole(_ file: Int, _ range: Range<Int64>) throws(StorageError) -> Bool {
        let old = known.withLock { $0[file] ?? Known() }
        if old.data.contains(range.lowerBound) { return old.data.upperBound < range.upperBound }
        let opened = try files.openForReading(file)
        do {
            guard let hole = try files.layer.nextHole(opened.descriptor, from: range.lowerBound) else { return true }
            if hole > range.lowerBound { note(file) { $0.data = range.lowerBound..<hole } }
            return hole < range.upperBound
        } catch {
            return false
        }
    }
}
