/// Regular expressions of a configuration, each of which must match the whole of what it is held against: a NAME, or
/// `NAME:TAG`.
package struct NamePatterns: Sendable {
    /// A pattern that is no regular expression.
    package struct Malformed: Error, Hashable, Sendable {
        package let pattern: String
    }

    package let patterns: [String]
    // A `Regex` is not sendable, because its output type may not be; one without typed output is a value that nothing
    // changes after it was made.
    nonisolated(unsafe) private let expressions: [Regex<AnyRegexOutput>]

    package init(_ patterns: [String]) throws(Malformed) {
        var expressions: [Regex<AnyRegexOutput>] = []
        for pattern in patterns {
            guard let expression = try? Regex(pattern) else { throw Malformed(pattern: pattern) }
            expressions.append(expression.matchingSemantics(.unicodeScalar))
        }
        self.patterns = patterns
        self.expressions = expressions
    }

    package static let none = NamePatterns()
    private init() { (patterns, expressions) = ([], []) }

    /// Texts with one of which every NAME begins that has something which matches: as far as each pattern is plain text.
    package var namePrefixes: Set<String> { Set(patterns.map { Self.plainBeginning(of: $0) }) }

    private static func plainBeginning(of pattern: String) -> String {
        guard !pattern.contains("|") else { return "" }
        var prefix = ""
        for character in pattern {
            switch character {
            // What stands before these may be missing.
            case "*", "?", "+", "{": return String(prefix.dropLast())
            case "a"..."z", "A"..."Z", "0"..."9", "/", "_", "-": prefix.append(character)
            default: return prefix
            }
        }
        return prefix
    }

    package func match(_ text: String) -> Bool {
        expressions.contains { (try? $0.wholeMatch(in: text)) != nil }
    }
}
