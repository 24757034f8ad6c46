/// Which files of a directory travel: the class's `include` and `exclude`, and the sender's own patterns.
///
/// A pattern of the class is found anywhere in a relative path. A pattern of the sender that is a relative path of something that
/// exists excludes that; anything else is a regular expression for the whole relative path. What is excluded as a directory is
/// excluded with all that is in it. Not sendable: one task makes and uses it.
package struct SendFilter {
    /// Patterns of the sender, and the bytes of each.
    package static let mostPatterns = 100
    package static let longestPattern = 1024

    private let include: [Regex<AnyRegexOutput>]
    private let exclude: [Regex<AnyRegexOutput>]
    private let paths: Set<String>
    private let whole: [Regex<AnyRegexOutput>]

    /// A pattern that cannot be used.
    package struct Problem: Error, Sendable, Hashable {
        package let pattern: String
        package let reason: String
    }

    /// - Parameter exists: whether there is something of this relative path.
    package init(
        include: [String], exclude: [String], own: [String], exists: (String) -> Bool
    ) throws(Problem) {
        self.include = try include.map { text throws(Problem) in try Self.expression(text) }
        self.exclude = try exclude.map { text throws(Problem) in try Self.expression(text) }
        guard own.count <= Self.mostPatterns else {
            throw Problem(pattern: own[Self.mostPatterns], reason: "there are more than \(Self.mostPatterns) patterns")
        }
        var paths: Set<String> = []
        var whole: [Regex<AnyRegexOutput>] = []
        for text in own {
            guard text.utf8.count <= Self.longestPattern else {
                throw Problem(pattern: text, reason: "it is longer than \(Self.longestPattern) bytes")
            }
            var path = text
            while path.hasSuffix("/") { path.removeLast() }
            while path.hasPrefix("./") { path.removeFirst(2) }
            if AbsolutePath.isRelative(path), exists(path) {
                paths.insert(path)
            } else {
                whole.append(try Self.expression(text))
            }
        }
        self.paths = paths
        self.whole = whole
    }

    private static func expression(_ text: String) throws(Problem) -> Regex<AnyRegexOutput> {
        guard let regex = try? Regex(text) else { throw Problem(pattern: text, reason: "it is no regular expression") }
        return regex.matchingSemantics(.unicodeScalar)
    }

    /// - Parameter path: relative, of a file.
    package func keeps(_ path: String) -> Bool {
        // A directory above it may be excluded.
        var end = path.startIndex
        while end < path.endIndex {
            end = path[path.index(after: end)...].firstIndex(of: "/") ?? path.endIndex
            let part = String(path[..<end])
            if paths.contains(part) || whole.contains(where: { Self.matchesAll($0, part) })
                || exclude.contains(where: { Self.isFound($0, in: part) })
            {
                return false
            }
        }
        return include.isEmpty || include.contains { Self.isFound($0, in: path) }
    }

    private static func matchesAll(_ regex: Regex<AnyRegexOutput>, _ text: String) -> Bool {
        (try? regex.wholeMatch(in: text)) ?? nil != nil
    }

    private static func isFound(_ regex: Regex<AnyRegexOutput>, in text: String) -> Bool {
        (try? regex.firstMatch(in: text)) ?? nil != nil
    }
}
