import Glibc
import Hashing
import Metainfo
import Swarm
import Synchronization

/// The torrent files of a directory, as a shelf. Only the info hashes and the name of each are in memory; the file is
/// read again when a peer asks for its torrent.
final class TorrentDirectory: Shelf {
    private struct Entry {
        let first: SHA1Digest
        let second: SHA1Digest?
        let hasTrackers: Bool
    }

    private struct State {
        var names: [SHA1Digest: String] = [:]
        var files: [String: Entry] = [:]
        /// Files that are not torrents, or whose content is missing; each is reported once.
        var refused: Set<String> = []
        /// Modification time of the directory, read before its names.
        var changed: timespec?
    }

    /// The result of a scan of the directory.
    struct Changes: Sendable {
        var added = 0
        var removed = 0
        /// Why files are not served.
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
        return ShelvedContent(torrent: torrent, path: try place(of: torrent))
    }

    /// Under its own name only: entries beside it are not its content.
    private func place(of torrent: Torrent) throws -> String {
        guard let name = torrent.info.name.string else {
            throw Failure(.usage, "the name \(torrent.info.name.display) is no UTF-8")
        }
        let place = content + "/" + name
        try TorrentFile.checkExists(place)
        return place
    }

    func torrent(_ name: String) throws -> Torrent { try TorrentFile.read(path + "/" + name) }

    // MARK: Looking

    /// Reads the names in the directory if it has changed, and the new torrents. Blocks.
    func refresh() throws -> Changes {
        var status = stat()
        guard stat(path, &status) == 0 else { throw TorrentFile.failure("cannot read", path) }
        let changed = status.st_mtim
        let before = state.withLock(\.changed)
        if let before, before.tv_sec == changed.tv_sec, before.tv_nsec == changed.tv_nsec { return Changes() }
        let there = try list()
        var changes = Changes()
        let (known, refused) = state.withLock { (Set($0.files.keys), $0.refused) }
        for name in known.subtracting(there) {
            changes.removed += 1
            state.withLock { state in
                guard let entry = state.files.removeValue(forKey: name) else { return }
                for hash in [entry.first, entry.second].compactMap(\.self) where state.names[hash] == name {
                    state.names[hash] = nil
                }
            }
        }
        for name in there where !known.contains(name) && !refused.contains(name) {
            do {
                let torrent = try torrent(name)
                _ = try place(of: torrent)
                let hashes = torrent.info.hashes.wire
                guard let first = hashes.first else { continue }
                changes.added += 1
                state.withLock { state in
                    state.files[name] = Entry(
                        first: first, second: hashes.dropFirst().first, hasTrackers: !torrent.trackers.isEmpty)
                    for hash in hashes { state.names[hash] = name }
                }
            } catch {
                changes.refused.append("\(name.shown) is not served: \((error as? Failure)?.message ?? "\(error)")")
                state.withLock { _ = $0.refused.insert(name) }
            }
        }
        // A change made during this scan is found by the next one, and so is one within the same step of the clock.
        let isOld = time(nil) - changed.tv_sec > 2
        state.withLock {
            $0.changed = isOld ? changed : nil
            $0.refused.formIntersection(there)
        }
        return changes
    }

    private func list() throws -> Set<String> {
        guard let directory = opendir(path) else { throw TorrentFile.failure("cannot read", path) }
        defer { closedir(directory) }
        var names: Set<String> = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name.hasSuffix(".torrent"), !name.hasPrefix(".") { names.insert(name) }
        }
        return names
    }
}
