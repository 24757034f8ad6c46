/// The name under which versions of one content are kept, such as `team/app`. Kraken calls it a namespace, OCI a repository.
///
/// It is 1 to 16 components joined by slashes, 255 bytes at most. A component has letters, digits, `.`, `_` and `-`. It
/// begins with a letter or digit, so that no name is a path that leads out of a directory.
package struct ContentName: Hashable, Sendable, Comparable, CustomStringConvertible {
    package static let mostBytes = 255
    package static let mostComponents = 16

    package let text: String

    /// Nil for a text that is not a name.
    package init?(_ text: some StringProtocol) {
        guard !text.isEmpty, text.utf8.count <= Self.mostBytes else { return nil }
        let components = text.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        guard components.count <= Self.mostComponents, components.allSatisfy(Self.isComponent) else { return nil }
        self.text = String(text)
    }

    /// The last component. A file or directory that is pulled by this name gets it as its own name.
    package var lastComponent: String { text.split(separator: "/").last.map(String.init) ?? text }
    /// Whether the name has upper-case letters, which names of the OCI distribution specification may not have.
    package var hasCapitals: Bool { text.utf8.contains { (0x41...0x5a).contains($0) } }
    package var description: String { text }

    package static func < (left: Self, right: Self) -> Bool {
        left.text.utf8.lexicographicallyPrecedes(right.text.utf8)
    }

    private static func isComponent(_ component: some Collection<UInt8>) -> Bool {
        guard let first = component.first, NameByte.isAlphanumeric(first) else { return false }
        return component.allSatisfy { NameByte.isInner($0) }
    }
}

/// The bytes that are allowed in names and tags.
enum NameByte {
    static func isAlphanumeric(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: false
        }
    }

    static func isInner(_ byte: UInt8) -> Bool {
        isAlphanumeric(byte) || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-")
    }
}
