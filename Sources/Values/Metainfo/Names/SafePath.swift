/// A path below the top-level name of a torrent, made of valid `PathComponent`s. Empty for the file of a single-file
/// torrent, whose name is the top-level name itself.
public struct SafePath: Sendable, Hashable {
    /// The components joined by `/`, for `openat` below the top-level directory. No leading slash, no NUL.
    public let bytes: [UInt8]

    /// Maximum length of the joined path, in bytes. With a destination before it, the system's limit is 4,096.
    public static let maxBytes = 4000
    /// Maximum number of components.
    public static let maxDepth = 100

    /// The path of a single-file torrent's file.
    public static let empty = SafePath(checked: [])

    /// - Throws: why a component is invalid, or that there are too many or their total length is too large.
    public init(components: some Collection<some Collection<UInt8>>) throws(PathProblem) {
        guard !components.isEmpty else { throw .noComponents }
        guard components.count <= Self.maxDepth else { throw .tooDeep }
        var joined: [UInt8] = []
        joined.reserveCapacity(components.reduce(0) { $0 + $1.count + 1 })
        for component in components {
            if let problem = PathComponent.problem(in: component) { throw problem }
            if !joined.isEmpty { joined.append(UInt8(ascii: "/")) }
            joined.append(contentsOf: component)
            guard joined.count <= Self.maxBytes else { throw .pathTooLong }
        }
        bytes = joined
    }

    /// Parses text such as "a/b/c.txt", for tests and for patterns.
    /// - Throws: why a component is invalid. An empty component (a leading, trailing or double slash) is an error.
    public init(_ text: String) throws(PathProblem) {
        try self.init(components: text.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false))
    }

    /// Joined components that are known to be valid.
    init(checked bytes: [UInt8]) { self.bytes = bytes }

    public var isEmpty: Bool { bytes.isEmpty }

    public var components: [PathComponent] {
        bytes.split(separator: UInt8(ascii: "/")).map { PathComponent(checked: Array($0)) }
    }

    /// The last component; nil for the empty path.
    public var lastComponent: PathComponent? {
        bytes.split(separator: UInt8(ascii: "/")).last.map { PathComponent(checked: Array($0)) }
    }

    /// The path for display; see `DisplayName`.
    public var display: String { DisplayName.escape(bytes) }

    /// The path as text, if it is UTF-8.
    public var string: String? { String(validating: bytes, as: UTF8.self) }

    /// Whether `other` lies below the directory `self`.
    func isDirectory(of other: SafePath) -> Bool {
        other.bytes.count > bytes.count && other.bytes[bytes.count] == UInt8(ascii: "/")
            && other.bytes.starts(with: bytes)
    }
}

extension SafePath: Comparable {
    /// Compares component by component, each as bytes: the order of a v2 file tree. A path sorts directly before the
    /// paths below it.
    public static func < (left: Self, right: Self) -> Bool {
        let count = min(left.bytes.count, right.bytes.count)
        for index in 0..<count where left.bytes[index] != right.bytes[index] {
            // A component that ends here sorts first, so the separator counts as less than any byte (NUL cannot occur).
            if left.bytes[index] == UInt8(ascii: "/") { return true }
            if right.bytes[index] == UInt8(ascii: "/") { return false }
            return left.bytes[index] < right.bytes[index]
        }
        return left.bytes.count < right.bytes.count
    }
}
