/// One name of a file or directory: 1 to 255 bytes (not text), not `.` or `..`, without `/` and NUL.
///
/// Names that only some systems refuse (with a backslash, reserved by Windows, differing only in case) are valid here.
/// `Portability` lists them.
public struct PathComponent: Sendable, Hashable, Comparable {
    public let bytes: [UInt8]

    public static let maxBytes = 255

    /// - Throws: why the bytes are not a valid name.
    public init(_ bytes: some Collection<UInt8>) throws(PathProblem) {
        if let problem = Self.problem(in: bytes) { throw problem }
        self.bytes = Array(bytes)
    }

    /// - Throws: why the UTF-8 bytes of `text` are not a valid name.
    public init(_ text: String) throws(PathProblem) { try self.init(Array(text.utf8)) }

    /// Bytes that are known to be a valid name.
    init(checked bytes: [UInt8]) { self.bytes = bytes }

    /// Why `bytes` are not a valid name; nil if they are.
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

    /// The name for display: control and bidirectional characters and bytes that are not UTF-8 are escaped.
    public var display: String { DisplayName.escape(bytes) }

    /// The name as text if it is UTF-8. For JSON values and pattern matching, not for display.
    public var string: String? { String(validating: bytes, as: UTF8.self) }

    public static func < (left: Self, right: Self) -> Bool { left.bytes.lexicographicallyPrecedes(right.bytes) }
}
