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

    package func match(_ text: String) -> Bool {
        expressions.contains { (try? $0.wholeMatch(in: text)) != nil }
    }
}
