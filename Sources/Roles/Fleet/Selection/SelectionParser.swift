/// A syntax error in an expression.
package struct SelectionProblem: Error, Sendable, Hashable, CustomStringConvertible {
    /// Number of bytes before the error, for a mark under the text.
    package let offset: Int
    package let reason: String

    init(at offset: Int, _ reason: String) {
        self.offset = offset
        self.reason = reason
    }

    package var description: String { "at byte \(offset + 1): \(reason)" }
}

/// The parser of a ``Selection``.
struct SelectionParser {
    private let bytes: [UInt8]
    private var position = 0

    init(_ text: String) { bytes = Array(text.utf8) }

    mutating func terms() throws(SelectionProblem) -> [SelectionTerm] {
        var terms: [SelectionTerm] = []
        skipBlanks()
        guard position < bytes.count else { throw problem("an expression has at least one term, such as site=bj") }
        while true {
            terms.append(try term())
            guard position < bytes.count else { return terms }
            guard take(",") else { throw problem("a comma is expected between two terms") }
        }
    }

    private mutating func term() throws(SelectionProblem) -> SelectionTerm {
        skipBlanks()
        if take("!") { return SelectionTerm(key: try key(), test: .exists, isNegated: true) }
        let key = try key()
        if take("!=") { return SelectionTerm(key: key, test: try among([value()], key), isNegated: true) }
        if take("!~") { return SelectionTerm(key: key, test: try pattern(), isNegated: true) }
        if take("==") || take("=") { return SelectionTerm(key: key, test: try among([value()], key), isNegated: false) }
        if take("~") { return SelectionTerm(key: key, test: try pattern(), isNegated: false) }
        for comparison in [SelectionTerm.Comparison.lessOrEqual, .greaterOrEqual, .less, .greater]
        where take(comparison.rawValue) {
            guard key != "addr" else { throw problem("addresses have no order: use addr=RANGE") }
            return SelectionTerm(key: key, test: .compares(comparison, try value()), isNegated: false)
        }
        if takeWord("notin") { return SelectionTerm(key: key, test: try among(list(), key), isNegated: true) }
        if takeWord("in") { return SelectionTerm(key: key, test: try among(list(), key), isNegated: false) }
        return SelectionTerm(key: key, test: .exists, isNegated: false)
    }

    private func among(_ values: [String], _ key: String) throws(SelectionProblem) -> SelectionTerm.Test {
        guard key == "addr" else { return .among(values) }
        var ranges: [AddressRange] = []
        for value in values {
            guard let range = AddressRange(value) else {
                throw problem("an address is written as 10.1.0.0/16, 2001:db8::/32 or 192.0.2.7")
            }
            ranges.append(range)
        }
        return .inRanges(ranges)
    }

    private mutating func pattern() throws(SelectionProblem) -> SelectionTerm.Test {
        let start = position
        guard let pattern = SelectionPattern(try value()) else {
            throw SelectionProblem(at: start, "this is no regular expression")
        }
        return .matches(pattern)
    }

    private mutating func list() throws(SelectionProblem) -> [String] {
        guard take("(") else { throw problem("values follow in parentheses: (a, b)") }
        var values = [try value()]
        while take(",") { values.append(try value()) }
        guard take(")") else { throw problem("a comma or ')' is expected") }
        return values
    }

    private mutating func key() throws(SelectionProblem) -> String {
        skipBlanks()
        let text = bytes[position...].prefix(while: LabelKey.isPart)
        let key = String(decoding: text, as: UTF8.self)
        guard LabelKey.isValid(key) else { throw problem("the name of a label is expected, such as site") }
        position += text.count
        skipBlanks()
        return key
    }

    /// A word, or a quoted text in which `\"` and `\\` are escapes.
    private mutating func value() throws(SelectionProblem) -> String {
        skipBlanks()
        guard position < bytes.count, bytes[position] == UInt8(ascii: "\"") else {
            let word = bytes[position...].prefix(while: Self.isWord)
            guard !word.isEmpty else { throw problem("a value is expected; with signs in it, write it in quotes") }
            position += word.count
            skipBlanks()
            return String(decoding: word, as: UTF8.self)
        }
        let start = position
        var text: [UInt8] = []
        position += 1
        while position < bytes.count {
            let byte = bytes[position]
            position += 1
            if byte == UInt8(ascii: "\"") {
                skipBlanks()
                return String(decoding: text, as: UTF8.self)
            }
            if byte == UInt8(ascii: "\\"), position < bytes.count,
                bytes[position] == UInt8(ascii: "\"") || bytes[position] == UInt8(ascii: "\\")
            {
                text.append(bytes[position])
                position += 1
            } else {
                text.append(byte)
            }
        }
        throw SelectionProblem(at: start, "the quote does not end")
    }

    private static func isWord(_ byte: UInt8) -> Bool {
        LabelKey.isPart(byte) || byte >= 0x80 || byte == UInt8(ascii: ":") || byte == UInt8(ascii: "+")
            || byte == UInt8(ascii: "@") || byte == UInt8(ascii: "*")
    }

    private mutating func skipBlanks() {
        while position < bytes.count, bytes[position] == 0x20 || bytes[position] == 0x09 { position += 1 }
    }

    private mutating func take(_ text: String) -> Bool {
        guard bytes[position...].starts(with: text.utf8) else { return false }
        position += text.utf8.count
        skipBlanks()
        return true
    }

    /// The same for a keyword, which must not be the start of a longer word.
    private mutating func takeWord(_ text: String) -> Bool {
        guard bytes[position...].starts(with: text.utf8) else { return false }
        let next = position + text.utf8.count
        guard next == bytes.count || !LabelKey.isPart(bytes[next]) else { return false }
        position = next
        skipBlanks()
        return true
    }

    private func problem(_ reason: String) -> SelectionProblem { SelectionProblem(at: position, reason) }
}
