/// The path of a file in a back end, from its root: plain names joined by slashes. It leads nowhere else.
package struct BackendPath: Hashable, Sendable, CustomStringConvertible {
    package static let mostBytes = 1_024

    package let text: String

    /// Nil for a text with an empty component, `.` or `..` in it, a NUL, a name of more than 255 bytes, or no byte at all.
    package init?(_ text: some StringProtocol) {
        guard (1...Self.mostBytes).contains(text.utf8.count), !text.utf8.contains(0) else { return nil }
        let names = text.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        for name in names {
            guard (1...255).contains(name.count), !name.elementsEqual(".".utf8), !name.elementsEqual("..".utf8) else {
                return nil
            }
        }
        self.text = String(text)
    }

    /// The names on the way, the file's own last.
    package var components: [[UInt8]] { text.utf8.split(separator: UInt8(ascii: "/")).map { Array($0) } }
    package var description: String { text }

    /// A path below this one.
    package func appending(_ rest: some StringProtocol) -> BackendPath? { BackendPath("\(text)/\(rest)") }

    /// The path of a file beside this one, whose name is longer.
    package func appending(suffix: String) -> BackendPath? { BackendPath(text + suffix) }
}
