import Glibc
import Metainfo

/// The torrent that is to be written, as a scan meets it: it is no part of its own content.
///
/// It is known by its place (the directory it will be in, and its name there), whatever links lead to that, and by what
/// is there already: the torrent of a run before, a link in its place, what that link leads to, and the temporary file
/// that an interrupted run left beside it (`NAME.NUMBER.part`).
struct OwnOutput {
    private struct Identity: Equatable {
        let device: dev_t
        let inode: ino_t

        init(_ status: stat) {
            device = status.st_dev
            inode = status.st_ino
        }

        init(device: dev_t, inode: ino_t) {
            self.device = device
            self.inode = inode
        }
    }

    private let name: [UInt8]
    private let directory: Identity?
    private let files: [Identity]

    init(path: String) {
        let bytes = Array(path.utf8)
        let slash = bytes.lastIndex(of: UInt8(ascii: "/"))
        name = slash.map { Array(bytes[($0 + 1)...]) } ?? bytes
        let above = slash.map { Array(bytes[...$0]) } ?? [UInt8(ascii: ".")]
        directory = (try? SystemCalls.status(above, follow: true)).map(Identity.init)
        files = [false, true].compactMap { follow in
            (try? SystemCalls.status(bytes, follow: follow)).flatMap { status in
                FileKind(status) == .directory ? nil : Identity(status)
            }
        }
    }

    /// Whether an entry of a directory is the torrent, or what is left of an earlier one.
    func isEntry(_ name: [UInt8], ofDirectory device: dev_t, _ inode: ino_t) -> Bool {
        Identity(device: device, inode: inode) == directory && (name == self.name || isTemporary(name))
    }

    /// Whether a file is what is there in the torrent's place.
    func isFile(_ status: stat) -> Bool { FileKind(status) != .directory && files.contains(Identity(status)) }

    /// As `TorrentFile.write` of the command names it.
    private func isTemporary(_ name: [UInt8]) -> Bool {
        guard name.starts(with: self.name) else { return false }
        let parts = name.dropFirst(self.name.count).split(
            separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        return parts.count == 3 && parts[0].isEmpty && parts[2].elementsEqual("part".utf8) && !parts[1].isEmpty
            && parts[1].allSatisfy { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }
    }
}
