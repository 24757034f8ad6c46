import Files
import Hashing
import Registry
import Synchronization
import Text

/// What a file was like when its digest was made. Two equal ones mean that nobody wrote to the file in between, as far as the
/// kernel tells.
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

    /// Whether a later write would surely show: times of files move in steps, and a write within the step of the last one
    /// leaves the time as it is.
    /// - Parameter now: nanoseconds since 1970, of a look at the file that found this stamp.
    func isSettled(at now: Int64) -> Bool {
        // Of file systems that count whole seconds, or two of them.
        let isCoarse = modified % 1_000_000_000 == 0 || changed % 1_000_000_000 == 0
        return now - max(modified, changed) > (isCoarse ? 2_500_000_000 : 50_000_000)
    }
}

/// Digests of files that were read once, so that unchanged files are not read again. It is a cache: a file that is lost or
/// damaged costs time and nothing else.
package final class DigestCache: Sendable {
    /// Most files that are remembered.
    static let most = 100_000
    private static let mostBytes = 32 << 20
    private static let name = FileName(own: "digests")
    private static let head = "swoop-digests 1"

    private struct State {
        var known: [DigestStamp: BlobDigest] = [:]
        /// Not saved yet.
        var added: [DigestStamp: BlobDigest] = [:]
    }

    private let directory: HeldDirectory?
    private let state: Mutex<State>

    /// - Parameter path: the directory to keep it in, which is made; nil for nowhere. One that cannot be used is not used.
    package init(directory path: String?) {
        directory = path.flatMap { try? HeldDirectory.open(SystemPath($0), creating: true) }
        state = Mutex(State(known: directory.map(Self.load) ?? [:]))
    }

    package func digest(_ stamp: DigestStamp) -> BlobDigest? { state.withLock { $0.known[stamp] } }

    /// Sizes of the files that are known.
    var sizes: Set<Int64> { state.withLock { Set($0.known.keys.map(\.size)) } }

    /// - Parameter now: nanoseconds since 1970, of the look at the file after its last byte was read.
    package func remember(_ stamp: DigestStamp, _ digest: BlobDigest, now: Int64) {
        guard stamp.isSettled(at: now) else { return }
        state.withLock { state in
            guard state.known.updateValue(digest, forKey: stamp) != digest else { return }
            state.added[stamp] = digest
        }
    }

    /// The same for a file that only this process wrote.
    func note(_ stamp: DigestStamp, _ digest: BlobDigest) {
        state.withLock { state in
            guard state.known.updateValue(digest, forKey: stamp) != digest else { return }
            state.added[stamp] = digest
        }
    }

    /// Writes what was added since the last call. Blocks.
    package func save() {
        guard let directory else { return }
        let added = state.withLock { state in
            defer { state.added = [:] }
            return state.added
        }
        guard !added.isEmpty else { return }
        // Another process may have added to it.
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
