import Files
import Hashing
import Registry
import RegistryClient
import Text

/// The URLs of unfinished uploads, so that the next push can resume them. Each upload has a file: the file's name is a
/// digest of the registry, the content's name and the file's stamp, and its content is the URL that the registry gave.
package struct UploadLedger: Sendable {
    private static let mostBytes = 16 << 10
    private let directory: HeldDirectory?

    /// - Parameter path: the directory of these files, which is made if it is missing; nil to keep nothing. A directory that
    ///   cannot be used is ignored.
    package init(directory path: String?) {
        directory = path.flatMap { try? HeldDirectory.open(SystemPath($0), creating: true) }
    }

    /// The identity of an upload.
    struct Key: Sendable {
        let name: FileName?

        init(registry: String, name: ContentName, _ stamp: DigestStamp) {
            self.name = FileName(SHA256.digest(Array("\(registry)\n\(name)\n\(stamp.text)".utf8)).hex)
        }
    }

    /// The URL of an unfinished upload; nil if there is none. The registry tells how many bytes of it it has.
    func location(_ key: Key) -> HTTPURL? {
        guard let name = key.name, let file = try? directory?.read(name, limit: Self.mostBytes) else { return nil }
        return HTTPURL(String(decoding: file.bytes, as: UTF8.self))
    }

    /// Remembers the URL of an upload. Blocks briefly.
    func save(_ location: HTTPURL, _ key: Key) {
        guard let name = key.name else { return }
        try? directory?.replace(
            name, with: Array(location.text.utf8), temporary: .random(prefix: "upload."),
            [.writeOnly, .hiddenFromOthers], isDurable: false)
    }

    func forget(_ key: Key) {
        guard let name = key.name else { return }
        _ = try? directory?.removeFile(name)
    }
}
