import Files
import Hashing
import Registry
import RegistryClient
import Text

/// Where uploads were when they were interrupted, so that the next push goes on there. A file for each: its name is the digest
/// of registry, name and file, its content the location that the registry gave.
package struct UploadLedger: Sendable {
    private static let mostBytes = 16 << 10
    private let directory: HeldDirectory?

    /// - Parameter path: as for `DigestCache`.
    package init(directory path: String?) {
        directory = path.flatMap { try? HeldDirectory.open(SystemPath($0), creating: true) }
    }

    /// Names an upload.
    struct Key: Sendable {
        let name: FileName?

        init(registry: String, name: ContentName, _ stamp: DigestStamp) {
            self.name = FileName(SHA256.digest(Array("\(registry)\n\(name)\n\(stamp.text)".utf8)).hex)
        }
    }

    /// Where an upload was. How much the registry has of it, the registry says.
    func location(_ key: Key) -> HTTPURL? {
        guard let name = key.name, let file = try? directory?.read(name, limit: Self.mostBytes) else { return nil }
        return HTTPURL(String(decoding: file.bytes, as: UTF8.self))
    }

    /// Blocks, for a moment.
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
