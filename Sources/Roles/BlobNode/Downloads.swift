import Blobs
import Files
import Glibc
import Hashing

/// The downloads of incomplete blobs, each with a directory of its own. All calls block.
struct Downloads: Sendable {
    struct Partial: Sendable {
        let digest: SHA256Digest
        /// Bytes that the download takes on the disk.
        let bytes: Int64
        /// Seconds since 1970.
        let usedAt: Double
    }

    private let root: String

    init(_ directory: BlobDirectory) { root = directory.path + "/downloads" }

    func place(of digest: SHA256Digest) -> String { "\(root)/\(digest.hex)" }

    static let dataName = FileName(own: "data")

    func dataPath(of digest: SHA256Digest) -> String { place(of: digest) + "/data" }

    var all: [Partial] {
        guard let held = try? HeldDirectory.open(SystemPath(root)), let names = try? held.names() else { return [] }
        return names.compactMap { name in
            guard let digest = SHA256Digest(hex: name.text), let status = try? held.status(name) else { return nil }
            var usedAt = status.modified
            for path in ["data", "record"] {
                if let found = Self.status("\(root)/\(name.text)/\(path)") { usedAt = max(usedAt, found.modified) }
            }
            return Partial(digest: digest, bytes: bytes(of: digest), usedAt: Double(usedAt) / 1e9)
        }
    }

    /// The bytes that the download of a blob takes on the disk: its file's allocated blocks, not its length.
    func bytes(of digest: SHA256Digest) -> Int64 {
        var status = stat()
        guard lstat(dataPath(of: digest), &status) == 0 else { return 0 }
        return Int64(status.st_blocks) * 512
    }

    private static func status(_ path: String) -> (modified: Int64, size: Int64)? {
        var status = stat()
        guard lstat(path, &status) == 0 else { return nil }
        return (Int64(status.st_mtim.tv_sec) * 1_000_000_000 + Int64(status.st_mtim.tv_nsec), Int64(status.st_size))
    }

    private static let asideEnding = ".removed"

    /// Takes a download's directory from its place in one step. ``removeSetAside()`` removes it.
    /// - Returns: whether nothing is in its place now.
    func setAside(_ digest: SHA256Digest) -> Bool {
        let held: HeldDirectory
        do throws(SystemError) { held = try HeldDirectory.open(SystemPath(root)) } catch {
            return error.number == ENOENT
        }
        guard let name = FileName(digest.hex) else { return false }
        // An earlier one of the same blob may not be gone yet.
        for number in 0..<16 {
            guard let aside = FileName("\(digest.hex).\(number)\(Self.asideEnding)") else { return false }
            do throws(SystemError) {
                try held.layer.rename(name, in: held.descriptor, to: aside, in: held.descriptor, .noReplace)
                return true
            } catch {
                if error.number == ENOENT { return true }
                guard error.number == EEXIST else { return false }
            }
        }
        return false
    }

    func removeSetAside() {
        guard let held = try? HeldDirectory.open(SystemPath(root)), let names = try? held.names() else { return }
        for name in names where name.text.hasSuffix(Self.asideEnding) { try? held.removeTree(name) }
    }
}
