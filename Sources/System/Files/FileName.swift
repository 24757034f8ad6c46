/// One name in a directory, as the kernel takes it: 1 to 255 bytes without `/` and NUL, and neither `.` nor `..`.
package struct FileName: Hashable, Sendable {
    /// With the NUL that C wants at the end.
    package let terminated: [CChar]

    /// Nil for anything that is not a plain name.
    package init?(_ bytes: ArraySlice<UInt8>) {
        guard (1...255).contains(bytes.count), !bytes.contains(0), !bytes.contains(UInt8(ascii: "/")) else {
            return nil
        }
        let isDots = bytes.count <= 2 && bytes.allSatisfy { $0 == UInt8(ascii: ".") }
        guard !isDots else { return nil }
        self.init(checked: bytes)
    }

    package init?(_ bytes: [UInt8]) { self.init(bytes[...]) }

    package init?(_ text: String) { self.init(Array(text.utf8)) }

    /// What is known to be a plain name.
    package init(checked bytes: ArraySlice<UInt8>) {
        terminated = bytes.map { CChar(bitPattern: $0) } + [0]
    }

    /// A fixed name of our own, written in the source.
    package init(own literal: StaticString) {
        self.init(checked: literal.withUTF8Buffer { Array($0) }[...])
    }

    /// The directory itself, for content that is the root of a file system.
    package static let itself = FileName(own: ".")

    package var bytes: [UInt8] { terminated.dropLast().map { UInt8(bitPattern: $0) } }

    /// As part of a path for the system or another program; bytes that are not UTF-8 are lost.
    package var text: String { String(decoding: bytes, as: UTF8.self) }
}
