/// Paths as texts: what is decided of them before the file system is asked.
package enum AbsolutePath {
    /// The longest, in bytes.
    package static let longest = 4096

    /// The path without a slash at its end; nil for one that is relative, is `/`, or has `.`, `..` or an empty component.
    package static func normal(_ text: String) -> String? {
        var text = text
        while text.utf8.count > 1, text.utf8.last == UInt8(ascii: "/") { text.removeLast() }
        guard text.utf8.first == UInt8(ascii: "/"), text.utf8.count > 1, text.utf8.count <= longest,
            components(text.utf8.dropFirst())
        else { return nil }
        return text
    }

    /// A path below another: no `.`, `..` or empty component in it.
    package static func isRelative(_ text: String) -> Bool { text.utf8.count <= longest && components(text.utf8[...]) }

    /// One component of a path.
    package static func isName(_ text: String) -> Bool {
        (1...255).contains(text.utf8.count) && text != "." && text != ".."
            && text.utf8.allSatisfy { $0 != 0 && $0 != UInt8(ascii: "/") }
    }

    /// Whether a normal path lies below another, and is not that itself.
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
