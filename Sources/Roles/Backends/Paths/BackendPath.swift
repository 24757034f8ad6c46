/// The path of a file in a back end, relative to its root: plain names joined by slashes. It cannot lead out of the root.
package struct BackendPath: Hashable, Sendable, CustomStringConvertible {
    package static let mostBytes = 1_024

    package let text: String

    /// Nil for a text that is empty or longer than ``mostBytes``, or that has a NUL, or a component that is empty, `.`, `..`
    /// or longer than 255 bytes.
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

    /// The path's names, the file's own last.
    package var components: [[UInt8]] { text.utf8.split(separator: UInt8(ascii: "/")).map { Array($0) } }
    package var description: String { text }

    /// A path below this one; nil where it would not be a valid path.
    package func appending(_ rest: some StringProtocol) -> BackendPath? { BackendPath("\(text)/\(rest)") }

    /// The path of a file in the same directory: this one's name with a suffix.
    package func appending(suffix: String) -> BackendPath? { BackendPath(text + suffix) }
}
