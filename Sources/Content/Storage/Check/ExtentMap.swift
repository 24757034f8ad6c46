import Synchronization

/// Caches where files have holes, so that each extent is queried once: file systems in memory visit every page to find
/// the next hole, which would take too long for each piece of a large file.
///
/// The answers may become out of date, so use it for the duration of one check only.
final class ExtentMap: Sendable {
    private let files: ContentFiles
    private let known = Mutex<[Int: Known]>([:])

    private struct Known {
        /// Begins anywhere in an extent of data, and ends at the next hole.
        var data: Range<Int64> = 0..<0
        /// Begins anywhere in a hole, and ends at the next data.
        var hole: Range<Int64> = 0..<0
    }

    init(_ files: ContentFiles) { self.files = files }

    /// Files of at most one piece are queried only once anyway.
    private func note(_ file: Int, _ change: (inout Known) -> Void) {
        guard files.layout.files[file].length > Int64(files.layout.pieceLength) else { return }
        known.withLock { change(&$0[file, default: Known()]) }
    }

    /// Whether a range of a file is completely a hole. False on a file system without holes.
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

    /// Whether a range of a file contains a hole.
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
