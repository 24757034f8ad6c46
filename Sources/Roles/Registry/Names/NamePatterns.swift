/// Regular expressions of a configuration. Each must match the whole text that it is applied to: a NAME, or `NAME:TAG`.
package struct NamePatterns: Sendable {
    /// The pattern is not a regular expression.
    package struct Malformed: Error, Hashable, Sendable {
        package let pattern: String
    }

    package let patterns: [String]
    // `Regex` is not `Sendable`, because its output type may not be. These have untyped output and are never changed after
    // they were made.
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

    /// Patterns that other hosts apply too, to names that others choose: short ones that take no long time on any text.
    package init(simple patterns: [String]) throws(Malformed) {
        if let other = patterns.first(where: { !Self.isSimple($0) }) { throw Malformed(pattern: other) }
        try self.init(patterns)
    }

    private static let mostBytes = 256
    private static let mostGroups = 8
    /// Repetitions without an end in one pattern. With more, trying all ways to share a text between them takes too long.
    private static let mostRepetitions = 6

    /// Whether a pattern is short and repeats no group: `(a*)*b` takes twice as long for each character.
    private static func isSimple(_ pattern: String) -> Bool {
        guard pattern.utf8.count <= mostBytes else { return false }
        var (groups, repetitions, before) = (0, 0, UInt8(0))
        for byte in pattern.utf8 {
            switch byte {
            case UInt8(ascii: "("): groups += 1
            case UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: "{"):
                if before == UInt8(ascii: ")") { return false }
                repetitions += 1
            default: break
            }
            before = byte
        }
        return groups <= mostGroups && repetitions <= mostRepetitions
    }

    package static let none = NamePatterns()
    private init() { (patterns, expressions) = ([], []) }

    /// Prefixes to list names by: every NAME that a pattern can match begins with one of them. Each is the literal text at
    /// the beginning of a pattern, and empty for a pattern that begins with none.
    package var namePrefixes: Set<String> { Set(patterns.map { Self.plainBeginning(of: $0) }) }

    private static func plainBeginning(of pattern: String) -> String {
        guard !pattern.contains("|") else { return "" }
        var prefix = ""
        for character in pattern {
            switch character {
            // The character before one of these may be absent from a match.
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
