import Files
import Hashing
import Metainfo
import Swarm
import Synchronization
import Threads

/// The torrent files of a directory, as a shelf. Only the info hashes and the name of each are in memory; the file is
/// read again when a peer asks for its torrent.
final class TorrentDirectory: Shelf {
    private struct Entry {
        let first: SHA1Digest
        let second: SHA1Digest?
        let hasTrackers: Bool
        let stamp: Stamp?

        var hashes: [SHA1Digest] { [first, second].compactMap(\.self) }
    }

    /// What tells a file from the one that replaces it.
    private struct Stamp: Hashable {
        let inode: UInt64
        let size: Int64
        let changed: Int64
    }

    /// A file that is no torrent, or whose content is missing. It is read again when it changes, or when the content comes.
    private struct Refusal {
        let stamp: Stamp?
        /// The content's path, if that is what is missing.
        let content: String?
        let reason: String
    }

    private struct State {
        var names: [SHA1Digest: String] = [:]
        var files: [String: Entry] = [:]
        var refused: [String: Refusal] = [:]
        /// When the directory was changed last, as it was seen before its names were read; nanoseconds since 1970.
        var changed: Int64?

        mutating func remove(_ name: String) {
            guard let entry = files.removeValue(forKey: name) else { return }
            for hash in entry.hashes where names[hash] == name { names[hash] = nil }
        }
    }

    /// The result of a scan of the directory.
    struct Changes: Sendable {
        var added = 0
        var removed = 0
        /// Why files are not served. Each reason is given once.
        var refused: [String] = []
    }

    let path: String
    /// The directory with the content of all torrents, each under its own name.
    private let content: String
    private let state = Mutex(State())

    init(_ path: String, content: String) {
        self.path = path
        self.content = content
    }

    var count: Int { state.withLock { $0.files.count } }
    /// Files of torrents that have trackers.
    var announced: Set<String> { state.withLock { Set($0.files.filter(\.value.hasTrackers).keys) } }

    // MARK: Shelf

    func mayHave(_ hash: SHA1Digest) -> Bool { state.withLock { $0.names[hash] != nil } }

    func open(_ hash: SHA1Digest) throws -> ShelvedContent? {
        guard let name = state.withLock({ $0.names[hash] }) else { return nil }
        let torrent = try torrent(name)
        // The file may have been replaced since it was read.
        guard torrent.info.hashes.wire.contains(hash) else { return nil }
        let place = try place(of: torrent)
        try TorrentFile.checkExists(place)
        return ShelvedContent(torrent: torrent, path: place)
    }

    /// The content's place: `content`, and the torrent's own name. Other entries of that directory are not its content.
    private func place(of torrent: Torrent) throws -> String {
        guard let name = torrent.info.name.string else {
            throw Failure(.usage, "the name \(torrent.info.name.display) is no UTF-8")
        }
        return content + "/" + name
    }

    func torrent(_ name: String) throws -> Torrent {
        // The file may be a FIFO, on which a read would wait forever.
        try TorrentFile.read(path + "/" + name, mayWait: false)
    }

    // MARK: Scanning

    /// Reads the names in the directory if it has changed, the torrents that are new or were replaced, and those that were
    /// refused and may be served now. Blocks.
    func refresh() throws -> Changes {
        let changed: Int64
        do throws(SystemError) {
            changed = try SystemFileLayer().status(path: SystemPath(path), followSymlink: true).modified
        } catch {
            throw TorrentFile.failure("cannot read", path, error)
        }
        var changes = Changes()
        let (known, refused, seen) = state.withLock { ($0.files, $0.refused, $0.changed) }
        if seen == changed {
            for (name, refusal) in refused where mayBeServed(name, refusal) { read(name, &changes) }
            return changes
        }
        let there = try list()
        for name in known.keys where !there.contains(name) {
            changes.removed += 1
            state.withLock { $0.remove(name) }
        }
        for name in there {
            if let entry = known[name] {
                guard stamp(of: name) != entry.stamp else { continue }
                changes.removed += 1
                state.withLock { $0.remove(name) }
            } else if let refusal = refused[name], !mayBeServed(name, refusal) {
                continue
            }
            read(name, &changes)
        }
        // A file may have been added during the scan, or within the same tick of the file system's clock as the last
        // change. So the time counts as seen only if it is two seconds old; otherwise the next scan reads the names
        // again.
        let isOld = Clocks.wall &- changed > 2_000_000_000
        state.withLock { state in
            state.changed = isOld ? changed : nil
            for name in refused.keys where !there.contains(name) { state.refused[name] = nil }
        }
        return changes
    }

    private func mayBeServed(_ name: String, _ refusal: Refusal) -> Bool {
        if stamp(of: name) != refusal.stamp { return true }
        return refusal.content.map { (try? TorrentFile.checkExists($0)) != nil } ?? false
    }

    private func stamp(of name: String) -> Stamp? {
        let status = try? SystemFileLayer().status(path: SystemPath(path + "/" + name), followSymlink: true)
        return status.map { Stamp(inode: $0.inode, size: $0.size, changed: $0.changed) }
    }

    private func read(_ name: String, _ changes: inout Changes) {
        // Looked at before the file is read: a change during that is seen by the next scan.
        let stamp = stamp(of: name)
        var missing: String?
        do {
            let torrent = try torrent(name)
            let place = try place(of: torrent)
            missing = place
            try TorrentFile.checkExists(place)
            let hashes = torrent.info.hashes.wire
            guard let first = hashes.first else { return }
            changes.added += 1
            state.withLock { state in
                state.refused[name] = nil
                state.files[name] = Entry(
                    first: first, second: hashes.dropFirst().first, hasTrackers: !torrent.trackers.isEmpty, stamp: stamp
                )
                for hash in hashes { state.names[hash] = name }
            }
        } catch {
            let reason = "\(name.shown) is not served: \((error as? Failure)?.message ?? "\(error)")"
            let before = state.withLock {
                $0.refused.updateValue(Refusal(stamp: stamp, content: missing, reason: reason), forKey: name)
            }
            if before?.reason != reason { changes.refused.append(reason) }
        }
    }

    private func list() throws -> Set<String> {
        let names: [[UInt8]]
        do throws(SystemError) { names = try SystemFileLayer().names(in: SystemPath(path), followSymlink: true) } catch
        {
            throw TorrentFile.failure("cannot read", path, error)
        }
        return Set(
            names.map { String(decoding: $0, as: UTF8.self) }.filter { $0.hasSuffix(".torrent") && !$0.hasPrefix(".") })
    }
}
