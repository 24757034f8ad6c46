import Files
import Hashing
import Registry
import RegistryClient
import Synchronization
import Text

/// The uploads that are not known to have ended, so that the next push can go on with them. Each has a file: the file's name is
/// a digest of the registry, the content's name and the file's stamp; it holds the URL that the registry gave and, once all
/// bytes were sent, their digest.
package final class UploadLedger: Sendable {
    private static let mostBytes = 16 << 10
    private let directory: HeldDirectory?
    private let ended = Mutex<[Key]>([])

    /// What is known of an upload.
    struct Entry: Sendable, Hashable {
        let location: HTTPURL
        /// Of the whole file; nil while bytes of it are missing, or if a later change of the file could go unnoticed.
        var digest: BlobDigest?
    }

    /// - Parameter path: the directory of these files, which is made if it is missing; nil to keep nothing. A directory that
    ///   cannot be used is ignored.
    package init(directory path: String?) {
        directory = path.flatMap { try? HeldDirectory.open(SystemPath($0), creating: true) }
    }

    /// The identity of an upload.
    struct Key: Sendable {
        let name: FileName?

        /// Stands for no entry: nothing is found or kept under it.
        static let none = Key(name: nil)

        private init(name: FileName?) { self.name = name }

        init(registry: String, name: ContentName, _ stamp: DigestStamp) {
            self.name = FileName(SHA256.digest(Array("\(registry)\n\(name)\n\(stamp.text)".utf8)).hex)
        }
    }

    /// A push's sole use of an entry, until its last reference has gone or the process ends.
    final class Claim: Sendable {
        let key: Key
        private let directory: HeldDirectory
        private let lockName: FileName
        private let lock: HeldFile

        fileprivate init(_ key: Key, _ directory: HeldDirectory, _ lockName: FileName, _ lock: HeldFile) {
            (self.key, self.directory, self.lockName, self.lock) = (key, directory, lockName, lock)
        }

        // A lock file that stays after a crash does no harm, so its removal need not be durable.
        deinit { try? directory.layer.remove(lockName, in: directory.descriptor, isDirectory: false) }
    }

    /// Claims an entry. Without a claim a push does not use it: several pushes of a file at a time would send to each
    /// other's upload, and the registry refuses all but one of them.
    /// - Returns: nil while another push has it.
    func claim(_ key: Key) -> Claim? {
        guard let directory, let name = key.name, let lockName = FileName(name.text + ".lock"),
            let lock = try? directory.open(lockName, [.write, .create]),
            (try? lock.layer.lock(lock.descriptor)) == true
        else { return nil }
        return Claim(key, directory, lockName, lock)
    }

    /// An upload of an earlier push; nil if there is none. The registry tells how many bytes of it it has.
    func entry(_ key: Key) -> Entry? {
        guard let name = key.name, let file = try? directory?.read(name, limit: Self.mostBytes) else { return nil }
        let lines = String(decoding: file.bytes, as: UTF8.self).split(separator: "\n", maxSplits: 1)
        guard let location = lines.first.flatMap({ HTTPURL(String($0)) }) else { return nil }
        return Entry(location: location, digest: lines.count > 1 ? BlobDigest(String(lines[1])) : nil)
    }

    /// Remembers an upload. Blocks briefly.
    func save(_ entry: Entry, _ key: Key) {
        guard let name = key.name else { return }
        // An upload begins in the place of one that has ended.
        ended.withLock { $0.removeAll { $0.name == name } }
        let text = entry.location.text + (entry.digest.map { "\n\($0)" } ?? "")
        try? directory?.replace(
            name, with: Array(text.utf8), temporary: .random(prefix: "upload."), [.writeOnly, .hiddenFromOthers],
            isDurable: false)
    }

    func forget(_ key: Key) {
        guard let name = key.name else { return }
        _ = try? directory?.removeFile(name)
    }

    /// The registry has the blob. The entry stays until ``forgetEnded()``, since nothing else knows the digest of the file if
    /// this push is killed.
    func end(_ key: Key) { ended.withLock { $0.append(key) } }

    /// Forgets the uploads that have ended, once the digests of their files are saved. Blocks briefly.
    func forgetEnded() {
        let keys = ended.withLock { ended in
            defer { ended = [] }
            return ended
        }
        for key in keys { forget(key) }
    }
}
