import Files
import Hashing
import Metainfo

/// Names of our own files beside and in a download.
package enum WorkNames {
    /// The directory with the unfinished content under its own name.
    static let content = FileName(own: "content")
    static let record = FileName(own: "record")
    static let recordTemporary = FileName(own: "record.new")
    /// The metainfo as received, so that a download from a magnet link resumes without asking peers for it.
    static let torrent = FileName(own: "torrent")
    static let torrentTemporary = FileName(own: "torrent.new")
    static let lock = FileName(own: "lock")
    /// Exists while finished content is being moved into an existing directory.
    package static let publishing = FileName(own: "publishing")
    package static let publishingTemporary = FileName(own: "publishing.new")

    private static let suffix = Array(".swoop".utf8)

    /// `.NAME.swoop`. If that is longer than the 255 bytes of a file name, NAME is shortened and ends with the first 16
    /// hexadecimal digits of its SHA-1, so that two long names do not collide.
    package static func directory(for name: PathComponent) -> FileName {
        if let plain = FileName([UInt8(ascii: ".")] + name.bytes + suffix) { return plain }
        let digest = Array(("~" + SHA1.digest(name.bytes).hex.prefix(16)).utf8)
        var kept = name.bytes.prefix(255 - 1 - digest.count - suffix.count)
        // Not in the middle of a character.
        while let last = kept.last, last & 0xc0 == 0x80 { kept = kept.dropLast() }
        if let last = kept.last, last >= 0xc0 { kept = kept.dropLast() }
        return FileName([UInt8(ascii: ".")] + kept + digest + suffix) ?? FileName(own: ".swoop")
    }

    /// Whether a name could be that of a download's working directory.
    package static func isWorkDirectory(_ name: FileName) -> Bool {
        let bytes = name.bytes
        return bytes.first == UInt8(ascii: ".") && bytes.count > suffix.count + 1
            && bytes.suffix(suffix.count) == suffix[...]
    }
}
