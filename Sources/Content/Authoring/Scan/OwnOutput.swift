import Files
import Metainfo

/// Recognises the torrent file to be written during a scan: it is not part of its own content.
///
/// It is recognised by its location (its directory and name), through any links, and by what is there already: the
/// torrent of an earlier run, a link in its place, the target of that link, and the temporary file of an interrupted
/// run (`NAME.NUMBER.part`).
package struct OwnOutput {
    private let name: [UInt8]
    private let directory: EntryIdentity?
    private let files: [EntryIdentity]

    init(path: String) {
        let bytes = Array(path.utf8)
        let slash = bytes.lastIndex(of: UInt8(ascii: "/"))
        name = slash.map { Array(bytes[($0 + 1)...]) } ?? bytes
        let above = slash.map { Array(bytes[...$0]) } ?? [UInt8(ascii: ".")]
        directory = (try? SystemFileLayer().status(path: SystemPath(above), followSymlink: true)).map(
            EntryIdentity.init)
        files = [false, true].compactMap { follow in
            (try? SystemFileLayer().status(path: SystemPath(bytes), followSymlink: follow)).flatMap { status in
                status.kind == .directory ? nil : EntryIdentity(status)
            }
        }
    }

    /// Whether an entry of a directory is the torrent, or what is left of an earlier one.
    func isEntry(_ name: [UInt8], of directory: EntryIdentity) -> Bool {
        directory == self.directory && (name == self.name || isTemporary(name))
    }

    /// Whether a file is what is there in the torrent's place.
    func isFile(_ status: FileStatus) -> Bool {
        status.kind != .directory && files.contains(EntryIdentity(status))
    }

    /// The path to which a torrent is written before it is renamed to `path`.
    /// - Parameter number: distinguishes files that are written at the same time.
    package static func temporaryPath(for path: String, number: Int) -> String {
        let bytes = Array(path.utf8)
        let start = bytes.lastIndex(of: UInt8(ascii: "/")).map { $0 + 1 } ?? 0
        return String(decoding: bytes[..<start] + stem(of: bytes[start...]), as: UTF8.self) + ".\(number).part"
    }

    /// The beginning of a name that leaves room for a number, cut at a character boundary.
    private static func stem(of name: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        guard name.count > 220 else { return name }
        var end = name.startIndex + 220
        while end > name.startIndex, name[end] & 0xc0 == 0x80 { end -= 1 }
        return name[..<end]
    }

    private func isTemporary(_ name: [UInt8]) -> Bool {
        let stem = Self.stem(of: self.name[...])
        guard name.starts(with: stem) else { return false }
        let parts = name.dropFirst(stem.count).split(
            separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        return parts.count == 3 && parts[0].isEmpty && parts[2].elementsEqual("part".utf8) && !parts[1].isEmpty
            && parts[1].allSatisfy { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }
    }
}
