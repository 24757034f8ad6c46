import Metainfo

/// SUBDIR: centre id (up to 5 letters), dash, organisation id (up to 4 digits), such as `cfec-001`. Any other valid
/// single name is accepted too, with a warning.
package struct TaskSubdirectory: Sendable, Hashable, CustomStringConvertible {
    package let text: String

    /// - Throws: why it is not a valid directory name.
    package init(_ text: String) throws(PathProblem) {
        _ = try PathComponent(text)
        self.text = text
    }

    package var description: String { text }

    /// A warning about an unusual form; nil if it has the usual one.
    package var warning: String? {
        let parts = text.utf8.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
        let isLetter = { (byte: UInt8) in (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte) }
        let isUsual =
            parts.count == 2 && (1...5).contains(parts[0].count) && parts[0].allSatisfy(isLetter)
            && (1...4).contains(parts[1].count) && parts[1].allSatisfy { (0x30...0x39).contains($0) }
        return isUsual
            ? nil
            : "'\(DisplayName.escape(text))' is not a centre id of up to 5 letters, a dash, and an organisation id of "
                + "up to 4 digits"
    }
}
