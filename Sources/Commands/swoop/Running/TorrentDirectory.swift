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
    }

    private struct State {
        var names: [SHA1Digest: String] = [:]
        var files: [String: Entry] = [:]
        /// Files that are not torrents, or whose content is missing; each is reported once.
        var refused: Set<String> = []
        /// When the directory was changed last, as it was seen before its names were read; nanoseconds since 1970.
        var changed: Int64?
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

    /// The content's place: `content`, and the torrent's own name. Other entries of that directory are not its content.
    private func place(of torrent: Torrent) throws -> String {
        guard let name = torrent.info.name.string else {
            throw Failure(.usage, "the name \(torrent.info.name.display) is no UTF-8")
        }
        let place = content + "/" + name
        try TorrentFile.checkExists(place)
        return place
    }

    func torrent(_ name: String) throws -> Torrent {
        // The file may be a FIFO, on which a read would wait forever.
        try TorrentFile.read(path + "/" + name, mayWait: false)
    }

    // MARK: Scanning

    /// Reads the names in the directory if it has changed, and the new torrents. Blocks.
    func refresh() throws -> Changes {
        let changed: Int64
        do throws(SystemError) {
            changed = try SystemFileLayer().status(path: SystemPath(path), followSymlink: true).modified
        } catch {
            throw TorrentFile.failure("cannot read", path, error)
        }
        if state.withLock(\.changed) == changed { return Changes() }
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
        // A file may have been added during the scan, or within the same tick of the file system's clock as the last
        // change. So the time counts as seen only if it is two seconds old; otherwise the next scan reads the names
        // again.
        let isOld = Clocks.wall &- changed > 2_000_000_000
        state.withLock {
            $0.changed = isOld ? changed : nil
            $0.refused.formIntersection(there)
        }
        return changes
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
