import Files

/// A path from the root of the file system, as bytes: no empty, `.` or `..` component, no NUL, no slash at its end.
///
/// Names on Linux are bytes, not text, so the library compares, sorts and stores bytes. Links are not considered: two
/// paths may lead to one file.
package struct AbsolutePath: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// `/` alone for the root.
    package let bytes: [UInt8]

    static let slash = UInt8(ascii: "/")
    /// Longest path that the kernel accepts, in bytes without the NUL.
    static let mostBytes = 4095

    /// Nil unless the path begins with a slash, has no NUL and no `..`, and is short enough for the kernel. Empty
    /// components, `.` and a slash at the end are removed.
    package init?(_ bytes: some Collection<UInt8>) {
        guard bytes.first == Self.slash, bytes.count <= Self.mostBytes, !bytes.contains(0) else { return nil }
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count)
        for part in bytes.split(separator: Self.slash) {
            if part.count == 1, part.first == UInt8(ascii: ".") { continue }
            guard part.count <= 255, !part.elementsEqual("..".utf8) else { return nil }
            result.append(Self.slash)
            result += part
        }
        self.bytes = result.isEmpty ? [Self.slash] : result
    }

    package init?(_ text: String) { self.init(Array(text.utf8)) }

    /// Bytes that are known to be valid.
    private init(checked bytes: [UInt8]) { self.bytes = bytes }

    /// A path below this one; nil if `name` is not a valid name.
    package func appending(_ name: some Collection<UInt8>) -> AbsolutePath? {
        guard (1...255).contains(name.count), bytes.count + 1 + name.count <= Self.mostBytes,
            !name.contains(0), !name.contains(Self.slash), !name.elementsEqual(".".utf8), !name.elementsEqual("..".utf8)
        else { return nil }
        return AbsolutePath(checked: (isRoot ? [] : bytes) + [Self.slash] + name)
    }

    package func appending(_ name: String) -> AbsolutePath? { appending(Array(name.utf8)) }

    var isRoot: Bool { bytes.count == 1 }

    /// The last component; empty for the root.
    package var name: ArraySlice<UInt8> {
        bytes[((bytes.lastIndex(of: Self.slash) ?? 0) + 1)...]
    }

    /// The directory that contains the path; the root's parent is the root.
    package var parent: AbsolutePath {
        guard let last = bytes.lastIndex(of: Self.slash), last > 0 else { return AbsolutePath(checked: [Self.slash]) }
        return AbsolutePath(checked: Array(bytes[..<last]))
    }

    /// The components, beginning at the root.
    package var components: [ArraySlice<UInt8>] { bytes.split(separator: Self.slash) }

    /// Whether this is `other` or a path below it.
    package func isWithin(_ other: AbsolutePath) -> Bool {
        if other.isRoot { return true }
        guard bytes.count >= other.bytes.count, bytes.starts(with: other.bytes) else { return false }
        return bytes.count == other.bytes.count || bytes[other.bytes.count] == Self.slash
    }

    /// The path as text; nil if it is not UTF-8.
    package var text: String? { String(validating: bytes, as: UTF8.self) }

    /// For display: control characters are escaped as in the table. Bytes that are not UTF-8 become U+FFFD.
    package var description: String { String(decoding: PathText.escape(bytes), as: UTF8.self) }

    /// For calls to the system.
    package var system: SystemPath { SystemPath(bytes) }

    package static func < (left: Self, right: Self) -> Bool { left.bytes.lexicographicallyPrecedes(right.bytes) }
}

/// The form of a path in the table: as it is, except that a backslash becomes `\\`, a line feed `\n`, a carriage return
/// `\r`, and any other control character `\x` with two hexadecimal digits. So one line is one file on any terminal.
package enum PathText {
    private static let digits = Array("0123456789abcdef".utf8)
    private static let backslash = UInt8(ascii: "\\")

    package static func escape(_ bytes: some Collection<UInt8>) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count)
        for byte in bytes {
            switch byte {
            case backslash: result += [backslash, backslash]
            case 0x0a: result += [backslash, UInt8(ascii: "n")]
            case 0x0d: result += [backslash, UInt8(ascii: "r")]
            case ..<0x20, 0x7f:
                result += [backslash, UInt8(ascii: "x"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            default: result.append(byte)
            }
        }
        return result
    }

    /// The inverse of `escape`. A backslash before any other character stands for itself, because people write paths
    /// too.
    package static func unescape(_ text: some Collection<UInt8>) -> [UInt8] {
        let text = Array(text)
        guard text.contains(backslash) else { return text }
        var result: [UInt8] = []
        result.reserveCapacity(text.count)
        var index = 0
        while index < text.count {
            let next = index + 1 < text.count ? text[index + 1] : 0
            if text[index] == backslash {
                switch next {
                case backslash: result.append(backslash)
                case UInt8(ascii: "n"): result.append(0x0a)
                case UInt8(ascii: "r"): result.append(0x0d)
                case UInt8(ascii: "x"):
                    if index + 3 < text.count, let high = digit(text[index + 2]), let low = digit(text[index + 3]) {
                        result.append(high << 4 | low)
                        index += 4
                        continue
                    }
                    result += [backslash, next]
                default:
                    result.append(backslash)
                    index += 1
                    continue
                }
                index += 2
            } else {
                result.append(text[index])
                index += 1
            }
        }
        return result
    }

    private static func digit(_ character: UInt8) -> UInt8? {
        digits.firstIndex(of: character | 0x20).map { UInt8($0) }
    }
}
