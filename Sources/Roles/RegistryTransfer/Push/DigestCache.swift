import Files
import Hashing
import Registry
import Synchronization
import Text

/// The identity, size and times of a file when its digest was computed. If a file still has an equal stamp, it has not been
/// written to, as far as the kernel's times tell.
package struct DigestStamp: Hashable, Sendable {
    let device: UInt64
    let inode: UInt64
    let size: Int64
    let modified: Int64
    let changed: Int64

    package init(_ status: FileStatus) {
        device = status.device
        inode = status.inode
        size = status.size
        modified = status.modified
        changed = status.changed
    }

    init?(words: [Substring]) {
        guard words.count == 5, let device = UInt64(words[0]), let inode = UInt64(words[1]), let size = Int64(words[2]),
            let modified = Int64(words[3]), let changed = Int64(words[4])
        else { return nil }
        self.device = device
        self.inode = inode
        self.size = size
        self.modified = modified
        self.changed = changed
    }

    var text: String { "\(device) \(inode) \(size) \(modified) \(changed)" }

    /// Whether any later write would change the stamp. File times advance in steps, so that a second write within the step
    /// of the last one does not change them.
    /// - Parameter now: the time at which the file had this stamp, in nanoseconds since 1970.
    func isSettled(at now: Int64) -> Bool {
        // Some file systems have times in steps of one or two seconds.
        let isCoarse = modified % 1_000_000_000 == 0 || changed % 1_000_000_000 == 0
        return now - max(modified, changed) > (isCoarse ? 2_500_000_000 : 50_000_000)
    }
}

/// Digests of files that have been read once, so that unchanged files are not read again. If the cache's file is lost or
/// damaged, files are only read again.
package final class DigestCache: Sendable {
    /// The most files that are remembered.
    static let most = 100_000
    private static let mostBytes = 32 << 20
    private static let name = FileName(own: "digests")
    private static let head = "swoop-digests 1"

    private struct State {
        var known: [DigestStamp: BlobDigest] = [:]
        /// Entries that are not saved yet.
        var added: [DigestStamp: BlobDigest] = [:]
    }

    private let directory: HeldDirectory?
    private let state: Mutex<State>

    /// - Parameter path: the directory of the cache's file, which is made if it is missing; nil to keep nothing on the disk.
    ///   A directory that cannot be used is ignored.
    package init(directory path: String?) {
        directory = path.flatMap { try? HeldDirectory.open(SystemPath($0), creating: true) }
        state = Mutex(State(known: directory.map(Self.load) ?? [:]))
    }

    package func digest(_ stamp: DigestStamp) -> BlobDigest? { state.withLock { $0.known[stamp] } }

    /// The sizes of all files whose digest is known, in bytes.
    var sizes: Set<Int64> { state.withLock { Set($0.known.keys.map(\.size)) } }

    /// Remembers a digest, if any later write to the file would change its stamp.
    /// - Parameter now: the time at which the stamp was taken after the file's last byte was read, in nanoseconds since
    ///   1970.
    package func remember(_ stamp: DigestStamp, _ digest: BlobDigest, now: Int64) {
        guard stamp.isSettled(at: now) else { return }
        state.withLock { state in
            guard state.known.updateValue(digest, forKey: stamp) != digest else { return }
            state.added[stamp] = digest
        }
    }

    /// Remembers the digest of a file to which only this process writes.
    func note(_ stamp: DigestStamp, _ digest: BlobDigest) {
        state.withLock { state in
            guard state.known.updateValue(digest, forKey: stamp) != digest else { return }
            state.added[stamp] = digest
        }
    }

    /// Writes the entries that were added since the last call. Blocks.
    package func save() {
        guard let directory else { return }
        let added = state.withLock { state in
            defer { state.added = [:] }
            return state.added
        }
        guard !added.isEmpty else { return }
        // Another process may have added entries to the file.
        var all = Self.load(directory)
        if all.count + added.count > Self.most { all = [:] }
        all.merge(added) { _, new in new }
        var text = Self.head + "\n"
        text.reserveCapacity(all.count * 160)
        for (stamp, digest) in all.prefix(Self.most) { text += "\(stamp.text) \(digest.hex)\n" }
        try? directory.replace(
            Self.name, with: Array(text.utf8), temporary: .random(prefix: "digests."),
            [.writeOnly, .hiddenFromOthers], isDurable: false)
    }

    private static func load(_ directory: HeldDirectory) -> [DigestStamp: BlobDigest] {
        guard let file = try? directory.read(name, limit: mostBytes) else { return [:] }
        let lines = String(decoding: file.bytes, as: UTF8.self).split(separator: "\n")
        guard let first = lines.first, first == head else { return [:] }
        var known: [DigestStamp: BlobDigest] = [:]
        known.reserveCapacity(lines.count)
        for line in lines.dropFirst() {
            let words = line.split(separator: " ")
            guard words.count == 6, let stamp = DigestStamp(words: Array(words.dropLast())),
                let digest = SHA256Digest(hex: words[5])
            else { continue }
            known[stamp] = BlobDigest(digest)
        }
        return known
    }
}
