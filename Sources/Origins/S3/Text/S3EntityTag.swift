/// Numbers in responses.
enum S3Number {
    /// 0 to the largest Int64; nil for anything else.
    static func parse(_ text: String) -> Int64? {
        guard (1...19).contains(text.utf8.count), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
            return nil
        }
        return Int64(text)
    }
}

/// Entity tags, which identify a version of an object.
package enum S3EntityTag {
    /// The tag without quotes and without the mark of a weak one.
    package static func unquoted(_ tag: String) -> String {
        var tag = tag[...]
        if tag.hasPrefix("W/") { tag = tag.dropFirst(2) }
        if tag.utf8.count >= 2, tag.hasPrefix("\""), tag.hasSuffix("\"") { tag = tag.dropFirst().dropLast() }
        return String(tag)
    }

    /// Whether a tag has the form of an MD5. It is one unless the store encrypts with its own keys.
    package static func isMD5(_ tag: String) -> Bool {
        tag.utf8.count == 32
            && tag.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0 | 0x20) }
    }
}
