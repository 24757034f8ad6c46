/// Selects the files of a directory to send: by the class's `include` and `exclude`, and by the sender's own patterns.
///
/// A pattern of the class is searched in the relative path. If a pattern of the sender is the relative path of an
/// existing file or directory, it excludes that one. Any other pattern of the sender is a regular expression that must
/// match the whole relative path. An excluded directory is excluded with all its contents. Not Sendable: one task
/// creates and uses it.
package struct SendFilter {
    /// Maximum number of the sender's patterns, and the maximum bytes of each.
    package static let mostPatterns = 100
    package static let longestPattern = 1024

    private let include: [Regex<AnyRegexOutput>]
    private let exclude: [Regex<AnyRegexOutput>]
    private let paths: Set<String>
    private let whole: [Regex<AnyRegexOutput>]

    /// An invalid pattern.
    package struct Problem: Error, Sendable, Hashable {
        package let pattern: String
        package let reason: String
    }

    /// - Parameter exists: whether a relative path exists in the directory.
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

    /// - Parameter path: relative path of a file.
    package func keeps(_ path: String) -> Bool {
        // The pattern may match a parent directory.
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
