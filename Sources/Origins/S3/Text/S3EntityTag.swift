/// Numbers in answers.
enum S3Number {
    /// 0 to the largest Int64; nil for anything else.
    static func parse(_ text: String) -> Int64? {
        guard (1...19).contains(text.utf8.count), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
            return nil
        }
        return Int64(text)
    }
}

/// Entity tags: what tells two versions of an object apart.
package enum S3EntityTag {
    /// Without quotes and the mark of a weak one.
    package static func unquoted(_ tag: String) -> String {
        var tag = tag[...]
        if tag.hasPrefix("W/") { tag = tag.dropFirst(2) }
        if tag.utf8.count >= 2, tag.hasPrefix("\""), tag.hasSuffix("\"") { tag = tag.dropFirst().dropLast() }
        return String(tag)
    }

    /// Whether a tag has the shape of an MD5, which it is where the store does not encrypt with keys of its own.
    package static func isMD5(_ tag: String) -> Bool {
        tag.utf8.count == 32
            && tag.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0 | 0x20) }
    }
}
