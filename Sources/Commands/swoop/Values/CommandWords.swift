/// Splits a command line into words as a shell would, without any other function of a shell: no variables, globs or
/// pipes.
///
/// Blanks separate words; `'…'` is literal; in `"…"` a backslash escapes a quote or a backslash; outside quotes a
/// backslash escapes the next character.
enum CommandWords {
    static func split(_ line: String) throws -> [String] {
        var words: [String] = []
        var word: String?
        var rest = Substring(line)
        while let character = rest.popFirst() {
            switch character {
            case " ", "\t", "\n", "\r\n":
                if let whole = word { words.append(whole) }
                word = nil
            case "'", "\"":
                word = (word ?? "") + (try quoted(&rest, by: character))
            case "\\":
                guard let kept = rest.popFirst() else { throw ArgumentProblem("a backslash at the end keeps nothing") }
                word = (word ?? "") + String(kept)
            default:
                word = (word ?? "") + String(character)
            }
        }
        if let whole = word { words.append(whole) }
        guard let program = words.first, !program.isEmpty else { throw ArgumentProblem("no program is named") }
        return words
    }

    private static func quoted(_ rest: inout Substring, by quote: Character) throws -> String {
        var text = ""
        while let character = rest.popFirst() {
            if character == quote { return text }
            if quote == "\"", character == "\\", let next = rest.first, next == "\"" || next == "\\" {
                text.append(rest.removeFirst())
            } else {
                text.append(character)
            }
        }
        throw ArgumentProblem("the quote \(quote) is not closed")
    }
}
