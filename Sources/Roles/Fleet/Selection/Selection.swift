/// An expression that selects nodes by their properties: `site=bj, tier in (edge, core), !canary, name~"^web-[0-9]+$",
/// version<0.4`. A comma means "and".
///
/// | term | selects nodes |
/// | --- | --- |
/// | `key`, `!key` | that have the label, or do not have it |
/// | `key=value`, `key!=value` | whose label has the value; whose label has another value, or that do not have the
/// label |
/// | `key in (a, b)`, `key notin (a, b)` | the same with several values |
/// | `key~"pattern"`, `key!~"pattern"` | whose value contains a match of the regular expression, or does not |
/// | `key<value`, `<=`, `>`, `>=` | whose value is less or greater; digits are compared as numbers, so 0.9 < 0.10 |
///
/// The key `addr` stands for the node's addresses. Its values are ranges such as `10.1.0.0/16`, and the term holds if
/// any address of the node is in the range.
package struct Selection: Sendable, Hashable, CustomStringConvertible {
    /// Maximum length of an expression, in bytes.
    package static let longest = 4096

    /// The expression as it was written.
    package let description: String
    package let terms: [SelectionTerm]

    /// - Throws: if the expression has a syntax error.
    package init(_ text: String) throws(SelectionProblem) {
        guard text.utf8.count <= Self.longest else {
            throw SelectionProblem(at: Self.longest, "an expression has at most \(Self.longest) bytes")
        }
        var parser = SelectionParser(text)
        terms = try parser.terms()
        description = text
    }

    /// An expression that somebody gives now. Stored ones are used as they are.
    /// - Throws: also for a regular expression that could take very long on a short text.
    package static func given(_ text: String) throws(SelectionProblem) -> Selection {
        let selection = try Selection(text)
        guard selection.isQuick else {
            throw SelectionProblem(at: 0, "a regular expression in it repeats what can match in several ways")
        }
        return selection
    }

    /// Whether matching takes a time that does not grow beyond measure with the text's length.
    package var isQuick: Bool {
        terms.allSatisfy { term in
            if case .matches(let pattern) = term.test { pattern.isQuick } else { true }
        }
    }

    package func selects(_ node: NodeFacts) -> Bool { terms.allSatisfy { $0.holds(for: node) } }
}

/// Several expressions. They select the nodes that at least one of them selects.
package struct Selections: Sendable, Hashable {
    package let expressions: [Selection]

    package init(_ expressions: [Selection]) { self.expressions = expressions }

    package func selects(_ node: NodeFacts) -> Bool { expressions.contains { $0.selects(node) } }
}

/// One term of an expression.
package struct SelectionTerm: Sendable, Hashable {
    enum Test: Sendable, Hashable {
        case exists
        case among([String])
        case inRanges([AddressRange])
        case matches(SelectionPattern)
        case compares(Comparison, String)
    }

    enum Comparison: String, Sendable, Hashable {
        case less = "<"
        case lessOrEqual = "<="
        case greater = ">"
        case greaterOrEqual = ">="
    }

    let key: String
    let test: Test
    /// Inverts the test.
    let isNegated: Bool

    func holds(for node: NodeFacts) -> Bool { passes(node) != isNegated }

    private func passes(_ node: NodeFacts) -> Bool {
        if key == "addr" {
            switch test {
            case .exists: return !node.addresses.isEmpty
            case .inRanges(let ranges):
                return node.addresses.contains { address in ranges.contains { $0.contains(address) } }
            case .matches(let pattern): return node.addresses.contains { pattern.isFound(in: $0.host) }
            case .among, .compares: return false
            }
        }
        guard let value = node.value(of: key) else { return false }
        switch test {
        case .exists: return true
        case .among(let values): return values.contains(value)
        case .inRanges: return false
        case .matches(let pattern): return pattern.isFound(in: value)
        case .compares(let comparison, let other):
            let order = NaturalOrder.compare(value, other)
            switch comparison {
            case .less: return order < 0
            case .lessOrEqual: return order <= 0
            case .greater: return order > 0
            case .greaterOrEqual: return order >= 0
            }
        }
    }
}

/// A regular expression. Two are equal if their texts are.
struct SelectionPattern: Sendable, Hashable {
    let text: String
    // `Regex` is not Sendable, because its output type may not be. `AnyRegexOutput` has no such type, and the value is
    // never changed.
    nonisolated(unsafe) private let expression: Regex<AnyRegexOutput>

    /// Nil for what is no regular expression.
    init?(_ text: String) {
        guard let expression = try? Regex(text) else { return nil }
        self.text = text
        self.expression = expression.matchingSemantics(.unicodeScalar)
    }

    /// Repetitions without an end in one expression: with more, trying all ways to share a text between them takes too long.
    private static let mostRepetitions = 6

    /// Whether no group that can match the same text in several ways is repeated, as in `(a+)+` or `(a|a)*`, for which time
    /// doubles with each character.
    var isQuick: Bool {
        var groups = [false]
        var (isEscaped, isInSet, isAfterOpening, count) = (false, false, false, 0)
        var hasEndedGroup = false
        for character in text.unicodeScalars {
            let (repeatsGroup, opens) = (hasEndedGroup, isAfterOpening)
            (hasEndedGroup, isAfterOpening) = (false, false)
            if isEscaped {
                isEscaped = false
                continue
            }
            switch character {
            case "\\": isEscaped = true
            case "[" where !isInSet: isInSet = true
            case "]" where isInSet: isInSet = false
            case _ where isInSet: break
            case "(":
                groups.append(false)
                isAfterOpening = true
            // Several ways to match the same, each time that the group is repeated.
            case "|": groups[groups.count - 1] = true
            case "?" where !opens: groups[groups.count - 1] = true
            case ")":
                let inner = groups.count > 1 ? groups.removeLast() : false
                hasEndedGroup = inner
                if inner { groups[groups.count - 1] = true }
            case "*", "+", "{":
                if repeatsGroup { return false }
                count += 1
                groups[groups.count - 1] = true
            default: break
            }
        }
        return count <= Self.mostRepetitions
    }

    func isFound(in value: String) -> Bool { (try? expression.firstMatch(in: value)) != nil }

    static func == (left: Self, right: Self) -> Bool { left.text == right.text }
    func hash(into hasher: inout Hasher) { hasher.combine(text) }
}

/// Compares texts with digits as numbers: `0.9` is before `0.10`, `web-2` before `web-10`.
package enum NaturalOrder {
    /// Negative if `left` is before `right`, positive if it is after it, 0 if they are equal.
    package static func compare(_ left: String, _ right: String) -> Int {
        var (one, two) = (Array(left.utf8)[...], Array(right.utf8)[...])
        while let first = one.first, let second = two.first {
            if isDigit(first), isDigit(second) {
                let (a, b) = (number(&one), number(&two))
                if a.count != b.count { return a.count < b.count ? -1 : 1 }
                for (x, y) in zip(a, b) where x != y { return x < y ? -1 : 1 }
            } else if first != second {
                return first < second ? -1 : 1
            } else {
                one.removeFirst()
                two.removeFirst()
            }
        }
        return one.count == two.count ? 0 : one.isEmpty ? -1 : 1
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

    /// Removes the leading digits from a text, and returns them without leading zeros.
    private static func number(_ text: inout ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        let digits = text.prefix(while: isDigit)
        text = text.dropFirst(digits.count)
        return digits.drop { $0 == 0x30 }
    }
}
