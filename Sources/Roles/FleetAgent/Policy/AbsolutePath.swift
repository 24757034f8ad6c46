/// Checks of paths as texts, without access to the file system.
package enum AbsolutePath {
    /// Maximum length of a path, in bytes.
    package static let longest = 4096

    /// The path without trailing slashes. Nil for a path that is relative, is `/`, or contains `.`, `..` or an empty
    /// component.
    package static func normal(_ text: String) -> String? {
        var text = text
        while text.utf8.count > 1, text.utf8.last == UInt8(ascii: "/") { text.removeLast() }
        guard text.utf8.first == UInt8(ascii: "/"), text.utf8.count > 1, text.utf8.count <= longest,
            components(text.utf8.dropFirst())
        else { return nil }
        return text
    }

    /// Whether a text is a relative path without `.`, `..` and empty components.
    package static func isRelative(_ text: String) -> Bool { text.utf8.count <= longest && components(text.utf8[...]) }

    /// Whether a text can be one component of a path.
    package static func isName(_ text: String) -> Bool {
        (1...255).contains(text.utf8.count) && text != "." && text != ".."
            && text.utf8.allSatisfy { $0 != 0 && $0 != UInt8(ascii: "/") }
    }

    /// Whether a normal path lies below another. A path does not lie below itself.
    package static func isBelow(_ path: String, _ root: String) -> Bool {
        path.utf8.count > root.utf8.count + 1 && path.utf8.starts(with: root.utf8)
            && path.utf8.dropFirst(root.utf8.count).first == UInt8(ascii: "/")
    }

    private static func components(_ bytes: Substring.UTF8View) -> Bool {
        !bytes.isEmpty && !bytes.contains(0)
            && bytes.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).allSatisfy {
                !$0.isEmpty && $0.count <= 255 && !$0.elementsEqual(".".utf8) && !$0.elementsEqual("..".utf8)
            }
    }
}
