/// The name of one version of a content: 1 to 128 letters, digits, `.`, `_` and `-`. The first is a letter, a digit or `_`.
package struct Tag: Hashable, Sendable, Comparable, CustomStringConvertible {
    package static let mostBytes = 128
    /// The tag of a reference that has none.
    package static let latest = Tag(unchecked: "latest")

    package let text: String

    private init(unchecked text: String) { self.text = text }

    /// Nil for a text that is not a tag.
    package init?(_ text: some StringProtocol) {
        guard let first = text.utf8.first, NameByte.isAlphanumeric(first) || first == UInt8(ascii: "_"),
            text.utf8.count <= Self.mostBytes, text.utf8.allSatisfy(NameByte.isInner)
        else { return nil }
        self.text = String(text)
    }

    package var description: String { text }

    package static func < (left: Self, right: Self) -> Bool {
        left.text.utf8.lexicographicallyPrecedes(right.text.utf8)
    }
}
