import Files
import Hashing

/// The identity of content: the two properties that a delivery knows.
package struct ContentKey: Hashable, Sendable {
    package let sha1: SHA1Digest
    /// Bytes.
    package let size: Int64

    package init(sha1: SHA1Digest, size: Int64) {
        self.sha1 = sha1
        self.size = size
    }
}

/// The contents of the library, without any I/O: entries by path and by content, and edits of the table.
package struct Catalogue: Sendable {
    package struct Entry: Equatable, Sendable {
        package enum Trust: Equatable, Sendable {
            /// Hashed by us when the file looked like this.
            case verified(DeviceStamp)
            /// Somebody's word (a line written by hand, or by another program); nobody looked yet.
            case claimed
            /// Somebody's word that was wrong when the file looked like this. The line stays, but is not believed.
            case disputed(DeviceStamp)
        }

        package var sha1: SHA1Digest
        /// Nil for a claimed line without a size.
        package var size: Int64?
        package var trust: Trust
        /// Whether the table on disk contains the line.
        package var isWritten = false
    }

    package private(set) var entries: [AbsolutePath: Entry] = [:]
    /// Lines that a person removed: their files stay out of the table until they change.
    package private(set) var removed: [AbsolutePath: StampText.Row] = [:]
    private var byContent: [SHA1Digest: Set<AbsolutePath>] = [:]
    private var byFile: [FileKey: AbsolutePath] = [:]
    /// Verified files that disappeared a moment ago: a moved file is recognised under its new path.
    private var departed: [FileKey: SHA1Digest] = [:]
    private static let mostDeparted = 200_000

    package var comments: [[UInt8]] = []
    package var identity: String?
    /// Whether the table on disk is out of date.
    package private(set) var isDirty = false

    /// Identifies the content of a file independent of its path.
    private struct FileKey: Hashable {
        let stamp: DeviceStamp
    }

    package mutating func markDirty() { isDirty = true }

    package init() {}

    // MARK: Questions

    /// Paths that may have this content, claimed ones last. The caller must check each.
    package func candidates(for key: ContentKey) -> [AbsolutePath] {
        guard let paths = byContent[key.sha1] else { return [] }
        var sure: [AbsolutePath] = []
        var claimed: [AbsolutePath] = []
        for path in paths {
            guard let entry = entries[path], entry.size == nil || entry.size == key.size else { continue }
            switch entry.trust {
            case .verified: sure.append(path)
            case .claimed: claimed.append(path)
            case .disputed: break
            }
        }
        return sure.sorted() + claimed.sorted()
    }

    /// What is known of a file that looks like this now, from its own path or, if it was moved here, from its old one.
    package func digest(at path: AbsolutePath, looking stamp: DeviceStamp) -> SHA1Digest? {
        if let entry = entries[path], case .verified(let known) = entry.trust, known.isSameFile(as: stamp) {
            return entry.sha1
        }
        return nil
    }

    /// The content of a file that was known under another path and looks the same.
    package func digestOfMoved(_ stamp: DeviceStamp) -> SHA1Digest? {
        let key = FileKey(stamp: stamp)
        if let path = byFile[key], let entry = entries[path] { return entry.sha1 }
        return departed[key]
    }

    package enum Need: Equatable {
        case nothing
        /// The line exists and has not been checked.
        case verification
        case hashing
    }

    /// What is to be done about a file that was found looking like this.
    package func need(at path: AbsolutePath, looking stamp: DeviceStamp) -> Need {
        if let row = removed[path], row.stamp.isSameFile(as: stamp) { return .nothing }
        guard let entry = entries[path] else { return .hashing }
        switch entry.trust {
        case .verified(let known), .disputed(let known): return known.isSameFile(as: stamp) ? .nothing : .hashing
        case .claimed: return .verification
        }
    }

    // MARK: Events

    /// Records a hashed file. With `isVerification`, the purpose was to check a claimed line, and the line is kept as
    /// it is.
    package mutating func record(
        _ sha1: SHA1Digest, at path: AbsolutePath, looking stamp: DeviceStamp, isVerification: Bool = false
    ) {
        if isVerification, let entry = entries[path], entry.trust == .claimed {
            let isTrue = entry.sha1 == sha1 && (entry.size == nil || entry.size == stamp.size)
            var next = entry
            next.trust = isTrue ? .verified(stamp) : .disputed(stamp)
            if isTrue, entry.size == nil {
                next.size = stamp.size
                next.isWritten = false
            }
            return put(next, at: path)
        }
        // The line was checked, changed or removed in the meantime: that takes precedence.
        if isVerification, entries[path] == nil || need(at: path, looking: stamp) == .nothing { return }
        removed[path] = nil
        var next = Entry(sha1: sha1, size: stamp.size, trust: .verified(stamp))
        if let old = entries[path], old.isWritten, old.sha1 == sha1, old.size == stamp.size { next.isWritten = true }
        put(next, at: path)
    }

    /// The file no longer exists, or should not be in the library.
    package mutating func remove(_ path: AbsolutePath) {
        if removed.removeValue(forKey: path) != nil { isDirty = true }
        guard let entry = entries[path] else { return }
        if case .verified(let stamp) = entry.trust { depart(stamp, entry.sha1) }
        removeEntry(path)
        isDirty = true
    }

    /// Removes all files at or below a path for which `isGone` returns true.
    package mutating func remove(within tree: AbsolutePath, where isGone: (AbsolutePath) -> Bool = { _ in true }) -> Int
    {
        let gone = entries.keys.filter { $0.isWithin(tree) && isGone($0) }
        for path in gone { remove(path) }
        for path in removed.keys where path.isWithin(tree) && isGone(path) {
            removed[path] = nil
            isDirty = true
        }
        return gone.count
    }

    package mutating func forgetEverything() {
        self = Catalogue(comments: comments, identity: identity)
        isDirty = true
    }

    package mutating func forgetDeparted() { departed = [:] }

    private mutating func depart(_ stamp: DeviceStamp, _ sha1: SHA1Digest) {
        if departed.count >= Self.mostDeparted { departed = [:] }
        departed[FileKey(stamp: stamp)] = sha1
    }

    private mutating func put(_ entry: Entry, at path: AbsolutePath) {
        removeEntry(path)
        entries[path] = entry
        byContent[entry.sha1, default: []].insert(path)
        if case .verified(let stamp) = entry.trust { byFile[FileKey(stamp: stamp)] = path }
        isDirty = true
    }

    private mutating func removeEntry(_ path: AbsolutePath) {
        guard let old = entries.removeValue(forKey: path) else { return }
        byContent[old.sha1]?.remove(path)
        if byContent[old.sha1]?.isEmpty == true { byContent[old.sha1] = nil }
        if case .verified(let stamp) = old.trust, byFile[FileKey(stamp: stamp)] == path {
            byFile[FileKey(stamp: stamp)] = nil
        }
    }

    // MARK: The files on disk

    /// Applies changes that others made to the table since it was last written, or its contents at the start. Removed
    /// lines are removed, new and changed ones become claims that are checked before use. Returns the number of lines
    /// removed and claimed.
    package mutating func adopt(_ table: TableText, _ stamps: StampText) -> (removed: Int, claimed: Int) {
        var counts = (removed: 0, claimed: 0)
        comments = table.comments
        for (path, entry) in entries where entry.isWritten && table.rows[path] == nil {
            if case .verified(let stamp) = entry.trust {
                removed[path] = StampText.Row(kind: .removed, sha1: entry.sha1, stamp: stamp)
            }
            removeEntry(path)
            counts.removed += 1
            isDirty = true
        }
        for (path, row) in stamps.rows where table.rows[path] == nil && entries[path] == nil {
            if removed[path] == nil, row.kind != .removed { counts.removed += 1 }
            removed[path] = StampText.Row(kind: .removed, sha1: row.sha1, stamp: row.stamp)
        }
        let wasDirty = isDirty
        var needsWriting = false
        for (path, row) in table.rows {
            removed[path] = nil
            if let entry = entries[path], entry.sha1 == row.sha1, entry.size == row.size {
                entries[path]?.isWritten = true
                continue
            }
            // A result of our own that is not in the table yet is newer than the line.
            if let entry = entries[path], !entry.isWritten, case .verified = entry.trust {
                needsWriting = true
                continue
            }
            var entry = Entry(sha1: row.sha1, size: row.size, trust: .claimed, isWritten: true)
            if let known = stamps.rows[path], known.sha1 == row.sha1 {
                switch known.kind {
                case .verified where row.size == known.stamp.size: entry.trust = .verified(known.stamp)
                case .disputed: entry.trust = .disputed(known.stamp)
                default: break
                }
            }
            if entry.trust == .claimed { counts.claimed += 1 }
            put(entry, at: path)
        }
        isDirty =
            wasDirty || needsWriting || counts.removed > 0 || !table.unreadable.isEmpty
            || entries.contains { !$0.value.isWritten }
        return counts
    }

    /// The contents of the two files.
    package var texts: (table: [UInt8], stamps: [UInt8]) {
        var stamps = StampText()
        stamps.identity = identity
        stamps.rows = removed
        var table = TableText()
        table.comments = comments
        table.rows.reserveCapacity(entries.count)
        for (path, entry) in entries {
            switch entry.trust {
            case .verified(let stamp):
                stamps.rows[path] = StampText.Row(kind: .verified, sha1: entry.sha1, stamp: stamp)
            case .disputed(let stamp):
                stamps.rows[path] = StampText.Row(kind: .disputed, sha1: entry.sha1, stamp: stamp)
            case .claimed: break
            }
            table.rows[path] = TableText.Row(sha1: entry.sha1, size: entry.size)
        }
        return (table.encoded(), stamps.encoded())
    }

    /// Call when the files on disk have been written.
    package mutating func written() {
        isDirty = false
        for path in entries.keys where entries[path]?.isWritten == false { entries[path]?.isWritten = true }
    }
}

extension Catalogue {
    fileprivate init(comments: [[UInt8]], identity: String?) {
        self.comments = comments
        self.identity = identity
    }
}
