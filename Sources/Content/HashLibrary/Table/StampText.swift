import Files
import Hashing

/// The file beside the table: what the table's readers need not see. Without it every file is hashed again, no more.
///
///     swoop-library 1
///     identity receiver/A
///     = SHA-1 SIZE MODIFIED INODE DEVICE PATH    a line of the table, found true when the file looked like this
///     - SHA-1 SIZE MODIFIED INODE DEVICE PATH    was in the table, and somebody removed the line
///     ! SHA-1 SIZE MODIFIED INODE DEVICE PATH    a line of the table that somebody wrote, and that is not true
package struct StampText: Equatable, Sendable {
    package enum Kind: UInt8, Sendable {
        case verified = 0x3d
        case removed = 0x2d
        case disputed = 0x21
    }

    package struct Row: Equatable, Sendable {
        package var kind: Kind
        /// As the table has or had it.
        package var sha1: SHA1Digest
        package var stamp: DeviceStamp

        package init(kind: Kind, sha1: SHA1Digest, stamp: DeviceStamp) {
            self.kind = kind
            self.sha1 = sha1
            self.stamp = stamp
        }
    }

    private static let heading = "swoop-library 1"

    /// The purpose of the library. If it changes, a rebuild is necessary.
    package var identity: String?
    package var rows: [AbsolutePath: Row] = [:]

    package init() {}

    /// Lines that cannot be parsed are left out; their files are hashed again. Nil for another format.
    package init?(_ bytes: [UInt8]) {
        var lines = bytes.split(separator: 0x0a)[...]
        guard let first = lines.popFirst(), first.elementsEqual(Self.heading.utf8) else { return nil }
        let identityMark = "identity ".utf8
        for line in lines {
            if line.starts(with: identityMark) {
                let value = PathText.unescape(line.dropFirst(identityMark.count))
                identity = String(decoding: value, as: UTF8.self)
                continue
            }
            let parts = line.split(separator: 0x20, maxSplits: 6, omittingEmptySubsequences: false)
            guard parts.count == 7, parts[0].count == 1, let kind = parts[0].first.flatMap(Kind.init(rawValue:)),
                let sha1 = SHA1Digest(hex: String(decoding: parts[1], as: UTF8.self)),
                let size = Int64(String(decoding: parts[2], as: UTF8.self)), size >= 0,
                let modified = Int64(String(decoding: parts[3], as: UTF8.self)),
                let inode = UInt64(String(decoding: parts[4], as: UTF8.self)),
                let device = UInt64(String(decoding: parts[5], as: UTF8.self)),
                let path = AbsolutePath(PathText.unescape(parts[6]))
            else { continue }
            let stamp = DeviceStamp(size: size, modified: modified, inode: inode, device: device)
            rows[path] = Row(kind: kind, sha1: sha1, stamp: stamp)
        }
    }

    package func encoded() -> [UInt8] {
        var text = Array((Self.heading + "\n").utf8)
        text.reserveCapacity(text.count + rows.count * 160)
        if let identity { text += Array("identity ".utf8) + PathText.escape(Array(identity.utf8)) + [0x0a] }
        for (path, row) in rows {
            text += [row.kind.rawValue, 0x20]
            text += row.sha1.hex.utf8
            for number in [String(row.stamp.size), String(row.stamp.modified), String(row.stamp.inode)] {
                text.append(0x20)
                text += number.utf8
            }
            text.append(0x20)
            text += String(row.stamp.device).utf8
            text.append(0x20)
            text += PathText.escape(path.bytes)
            text.append(0x0a)
        }
        return text
    }
}
