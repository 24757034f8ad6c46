import Hashing

/// The table as text: `SHA-1 SIZE PATH`, one line for each file, sorted by path; `#` begins a comment.
///
/// It is parsed leniently, because people edit it: any blanks between the columns, either case of digits, comments,
/// empty lines, either kind of line end, a missing size (which is then not compared), and the two columns of sha1sum.
/// If a path has several lines, the last one counts. Lines that cannot be parsed are kept as comments.
package struct TableText: Equatable, Sendable {
    package struct Row: Equatable, Sendable {
        package var sha1: SHA1Digest
        /// Nil if the line has none.
        package var size: Int64?

        package init(sha1: SHA1Digest, size: Int64?) {
            self.sha1 = sha1
            self.size = size
        }
    }

    /// Maximum number of comments and unparsable lines that are kept.
    package static let mostComments = 1000
    package static let heading = Array(
        "# SHA-1, size in bytes, path of each file here. Lines may be removed or edited.".utf8)
    private static let mark = Array("#? ".utf8)

    package var rows: [AbsolutePath: Row] = [:]
    /// With their `#`, without the heading.
    package var comments: [[UInt8]] = []
    /// Numbers, from 1, of the lines that could not be parsed.
    package var unreadable: [Int] = []

    package init() {}

    package init(_ bytes: [UInt8]) {
        var text = bytes[...]
        if text.starts(with: [0xef, 0xbb, 0xbf]) { text = text.dropFirst(3) }
        for (index, line) in text.split(separator: 0x0a, omittingEmptySubsequences: false).enumerated() {
            read(line.last == 0x0d ? line.dropLast() : line, number: index + 1)
        }
    }

    private mutating func read(_ line: ArraySlice<UInt8>, number: Int) {
        let content = line.drop(while: Self.isBlank)
        guard let first = content.first else { return }
        if first == UInt8(ascii: "#") {
            if Array(content) != Self.heading { keep(Array(content)) }
            return
        }
        guard let (path, row) = Self.row(content) else {
            unreadable.append(number)
            return keep(Self.mark + content)
        }
        rows[path] = row
    }

    private mutating func keep(_ comment: [UInt8]) {
        if comments.count < Self.mostComments { comments.append(comment) }
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

    private static func row(_ line: ArraySlice<UInt8>) -> (AbsolutePath, Row)? {
        let hex = line.prefix { !isBlank($0) }
        guard let sha1 = SHA1Digest(hex: String(decoding: hex, as: UTF8.self)) else { return nil }
        var rest = line[hex.endIndex...].drop(while: isBlank)
        var size: Int64?
        // sha1sum puts an asterisk before the name of a file that it read as binary.
        if rest.first == UInt8(ascii: "*") { rest = rest.dropFirst() }
        if rest.first != AbsolutePath.slash {
            let digits = rest.prefix { !isBlank($0) }
            guard let number = Int64(String(decoding: digits, as: UTF8.self)), number >= 0 else { return nil }
            size = number
            rest = rest[digits.endIndex...].drop(while: isBlank)
        }
        guard let path = AbsolutePath(PathText.unescape(rest)) else { return nil }
        return (path, Row(sha1: sha1, size: size))
    }

    /// With the heading, sorted by path.
    package func encoded() -> [UInt8] {
        var text = Self.heading + [0x0a]
        text.reserveCapacity(text.count + rows.count * 128)
        for comment in comments { text += comment + [0x0a] }
        for (path, row) in rows.sorted(by: { $0.key < $1.key }) {
            text += row.sha1.hex.utf8
            text.append(0x20)
            if let size = row.size {
                text += String(size).utf8
                text.append(0x20)
            }
            text += PathText.escape(path.bytes)
            text.append(0x0a)
        }
        return text
    }
}
