/// One name of a file or directory: 1 to 255 bytes, not `.` or `..`, with no `/` and no NUL. Bytes, not text.
///
/// What only some systems refuse (backslash, Windows' reserved names, names that differ only in case) is allowed here;
/// `PortabilityCheck` warns of it.
public struct PathComponent: Sendable, Hashable, Comparable {
    public let bytes: [UInt8]

    public static let maxBytes = 255

    /// - Throws: what is wrong with the name.
    public init(_ bytes: some Collection<UInt8>) throws(PathProblem) {
        if let problem = Self.problem(in: bytes) { throw problem }
        self.bytes = Array(bytes)
    }

    /// - Throws: what is wrong with the UTF-8 bytes of `text` as a name.
    public init(_ text: String) throws(PathProblem) { try self.init(Array(text.utf8)) }

    /// Bytes that were checked before.
    init(checked bytes: [UInt8]) { self.bytes = bytes }

    /// What is wrong with `bytes` as a name; nil if nothing is.
    static func problem(in bytes: some Collection<UInt8>) -> PathProblem? {
        guard let first = bytes.first else { return .empty }
        let count = bytes.count
        guard count <= maxBytes else { return .tooLong }
        if first == UInt8(ascii: "."), count <= 2, bytes.allSatisfy({ $0 == UInt8(ascii: ".") }) {
            return count == 1 ? .dot : .dotDot
        }
        for byte in bytes {
            if byte == UInt8(ascii: "/") { return .slash }
            if byte == 0 { return .nul }
        }
        return nil
    }

    /// The name for a person: control and bidi characters and bytes that are not UTF-8 are escaped.
    public var display: String { DisplayName.escape(bytes) }

    /// The name as text, if it is UTF-8. For a JSON value or a comparison of patterns, not for showing.
    public var string: String? { String(validating: bytes, as: UTF8.self) }

    public static func < (left: Self, right: Self) -> Bool { left.bytes.lexicographicallyPrecedes(right.bytes) }
}
