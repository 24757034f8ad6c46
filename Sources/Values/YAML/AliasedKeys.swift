/// Finds files in which an alias may stand in a key that is no scalar. The library compares keys as wholes, so that a short
/// text could have it walk through an endless number of values. Nobody writes such keys; a text that only looks like one,
/// in a comment say, is refused too, and only beside aliases.
struct AliasedKeys {
    private let text: [UInt8]
    /// Bytes that may still be looked at ahead: a file for which they do not suffice is as good as one with such a key.
    private var budget: Int

    private init(text: [UInt8]) {
        self.text = text
        budget = 4 * text.count + 1_000
    }

    /// The line of the first such key; nil if the file has no alias, or no such key.
    static func line(in text: [UInt8]) -> Int? {
        var search = AliasedKeys(text: text)
        return search.run()
    }

    private mutating func run() -> Int? {
        var line = 1
        var found: Int?
        var hasAlias = false
        for index in text.indices {
            switch text[index] {
            case UInt8(ascii: "\n"): line += 1
            case UInt8(ascii: "*") where isWord(index + 1):
                hasAlias = true
                var end = index + 1
                while isWord(end) { end += 1 }
                if found == nil, isBeforeColon(end) { found = line }
            case UInt8(ascii: "?") where !isWord(index - 1) && !isWord(index + 1): found = found ?? line
            case UInt8(ascii: "]"), UInt8(ascii: "}"): if found == nil, isBeforeColon(index + 1) { found = line }
            default: break
            }
        }
        return hasAlias ? found : nil
    }

    /// Whether the next thing, beyond blanks, line ends and comments, is a colon.
    private mutating func isBeforeColon(_ start: Int) -> Bool {
        var index = start
        while index < text.count {
            budget -= 1
            guard budget > 0 else { return true }
            switch text[index] {
            case UInt8(ascii: ":"): return true
            case UInt8(ascii: "#"):
                while index < text.count, text[index] != UInt8(ascii: "\n"), text[index] != UInt8(ascii: "\r") {
                    budget -= 1
                    index += 1
                }
            // Line ends and byte order marks outside ASCII are blanks too; a letter that has one of their bytes is none.
            case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\n"), UInt8(ascii: "\r"), 0x80...: index += 1
            default: return false
            }
        }
        return false
    }

    private func isWord(_ index: Int) -> Bool {
        guard text.indices.contains(index) else { return false }
        switch text[index] {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
            return true
        default: return false
        }
    }
}
