/// A parser for the XML of object store responses. Supports elements, attributes, text, character references, comments
/// and CDATA sections of XML 1.0 (fifth edition). Refuses document types and processing instructions, and thereby all
/// entities except the five predefined ones: no store sends them, and they make XML dangerous.
///
/// Reads each byte once, stores no more than the limits allow, and stops at the first error. (A general parser does
/// more than is wanted here: Foundation's leaks the description of each error, and reads a null pointer for an empty
/// instruction.)
package struct AnswerReader {
    private let bytes: [UInt8]
    private let limits: S3Limits
    private var position = 0
    private var open: [Unfinished] = []
    private var count = 0
    private var root: AnswerElement?

    /// An element whose end tag has not been read.
    private struct Unfinished {
        /// The name as written, with its prefix.
        let qualifiedName: ArraySlice<UInt8>
        var text: [UInt8] = []
        var children: [AnswerElement] = []
    }

    private init(_ bytes: [UInt8], limits: S3Limits) {
        self.bytes = bytes
        self.limits = limits
    }

    /// - Throws: `S3AnswerError`.
    package static func read(_ bytes: [UInt8], limits: S3Limits) throws(S3AnswerError) -> AnswerElement {
        guard bytes.count <= limits.answerBytes else { throw .tooLarge }
        // Once the input is known to be UTF-8, parts cut at ASCII characters are UTF-8 too.
        guard String(validating: bytes, as: UTF8.self) != nil, !bytes.contains(where: Self.isControl) else {
            throw .notXML
        }
        var reader = AnswerReader(bytes, limits: limits)
        return try reader.document()
    }

    /// XML does not allow these characters, not even as references.
    private static func isControl(_ byte: UInt8) -> Bool { byte < 0x20 && !isBlank(byte) }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0a || byte == 0x0d }

    private mutating func document() throws(S3AnswerError) -> AnswerElement {
        _ = skip([0xef, 0xbb, 0xbf])
        try declaration()
        while position < bytes.count {
            if bytes[position] != UInt8(ascii: "<") {
                try text(upTo: bytes[position...].firstIndex(of: UInt8(ascii: "<")) ?? bytes.count)
            } else if skip("<!--".utf8) {
                _ = try upTo("-->".utf8)
            } else if skip("<![CDATA[".utf8) {
                let section = try upTo("]]>".utf8)
                guard !open.isEmpty else { throw .notXML }
                try append(section)
            } else if skip("</".utf8) {
                try endTag()
            } else if skip("<!".utf8) {
                throw .documentType
            } else {
                position += 1
                try startTag()
            }
        }
        guard let root, open.isEmpty else { throw .notXML }
        return root
    }

    /// `<?xml version="1.0" encoding="UTF-8"?>`, which is optional.
    private mutating func declaration() throws(S3AnswerError) {
        guard bytes[position...].starts(with: "<?xml".utf8) else { return }
        position += 5
        guard position < bytes.count, Self.isBlank(bytes[position]) else { throw .notXML }
        let said = String(decoding: try upTo("?>".utf8), as: UTF8.self).lowercased()
        guard let encoding = said.firstRange(of: "encoding") else { return }
        let named = said[encoding.upperBound...].drop { " \t\r\n='\"".contains($0) }
        guard named.hasPrefix("utf-8") || named.hasPrefix("us-ascii") else { throw .notXML }
    }

    // MARK: - Tags

    private mutating func startTag() throws(S3AnswerError) {
        let name = try self.name()
        guard root == nil else { throw .notXML }
        count += 1
        guard count <= limits.elements, open.count < limits.depth else { throw .tooLarge }
        // Drops white space between the elements of a list, which would add up.
        if let parent = open.indices.last, open[parent].text.allSatisfy(Self.isBlank) { open[parent].text = [] }
        open.append(Unfinished(qualifiedName: name))
        while true {
            let wasBlank = skipBlanks()
            if skip(">".utf8) { return }
            if skip("/>".utf8) { return close() }
            guard wasBlank else { throw .notXML }
            try attribute()
        }
    }

    /// Checked and dropped: responses have no attributes that matter.
    private mutating func attribute() throws(S3AnswerError) {
        _ = try name()
        _ = skipBlanks()
        guard skip("=".utf8) else { throw .notXML }
        _ = skipBlanks()
        guard position < bytes.count else { throw .notXML }
        let quote = bytes[position]
        guard quote == UInt8(ascii: "\"") || quote == UInt8(ascii: "'") else { throw .notXML }
        position += 1
        let value = try upTo(CollectionOfOne(quote))
        guard !value.contains(UInt8(ascii: "<")) else { throw .notXML }
    }

    private mutating func endTag() throws(S3AnswerError) {
        let name = try self.name()
        _ = skipBlanks()
        guard skip(">".utf8), open.last?.qualifiedName == name else { throw .notXML }
        close()
    }

    private mutating func close() {
        guard let ended = open.popLast() else { return }
        // `s3:Key` and `Key` are the same name.
        let name = ended.qualifiedName.split(separator: UInt8(ascii: ":")).last ?? []
        let element = AnswerElement(
            name: String(decoding: name, as: UTF8.self), text: String(decoding: ended.text, as: UTF8.self),
            children: ended.children)
        if open.isEmpty { root = element } else { open[open.count - 1].children.append(element) }
    }

    /// ASCII letters and digits, and all characters beyond ASCII.
    private mutating func name() throws(S3AnswerError) -> ArraySlice<UInt8> {
        let start = position
        while position < bytes.count, Self.isNamePart(bytes[position]) { position += 1 }
        let name = bytes[start..<position]
        guard let first = name.first, Self.isNameStart(first) else { throw .notXML }
        return name
    }

    private static func isNameStart(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"),
            UInt8(ascii: ":"), 0x80...:
            true
        default: false
        }
    }

    private static func isNamePart(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."): true
        default: isNameStart(byte)
        }
    }

    // MARK: - Text

    private mutating func text(upTo end: Int) throws(S3AnswerError) {
        defer { position = end }
        guard !open.isEmpty else {
            guard bytes[position..<end].allSatisfy(Self.isBlank) else { throw .notXML }
            return
        }
        var rest = bytes[position..<end]
        while let ampersand = rest.firstIndex(of: UInt8(ascii: "&")) {
            try append(rest[..<ampersand])
            // The longest valid reference is `&#1114111;`; leading zeros do not occur in practice.
            guard let semicolon = rest[ampersand...].prefix(12).firstIndex(of: UInt8(ascii: ";")),
                let character = Self.character(rest[(ampersand + 1)..<semicolon])
            else { throw .notXML }
            try append(Array(String(character).utf8)[...])
            rest = rest[(semicolon + 1)...]
        }
        try append(rest)
    }

    /// The character for a reference without its `&` and `;`.
    private static func character(_ reference: ArraySlice<UInt8>) -> Unicode.Scalar? {
        let reference = String(decoding: reference, as: UTF8.self)
        switch reference {
        case "lt": return "<"
        case "gt": return ">"
        case "amp": return "&"
        case "quot": return "\""
        case "apos": return "'"
        default: break
        }
        guard reference.first == "#" else { return nil }
        let digits = reference.dropFirst()
        let isHexadecimal = digits.first == "x"
        let number = isHexadecimal ? digits.dropFirst() : digits
        // `Int` accepts a sign, character references do not.
        guard let first = number.first, first.isHexDigit,
            let value = UInt32(number, radix: isHexadecimal ? 16 : 10), let scalar = Unicode.Scalar(value),
            value >= 0x20 || [0x09, 0x0a, 0x0d].contains(value), value != 0xfffe, value != 0xffff
        else { return nil }
        return scalar
    }

    private mutating func append(_ part: ArraySlice<UInt8>) throws(S3AnswerError) {
        let last = open.count - 1
        guard open[last].text.count + part.count <= limits.textBytes else { throw .tooLarge }
        open[last].text += part
    }

    // MARK: - Steps

    private mutating func skip(_ expected: some Collection<UInt8>) -> Bool {
        guard bytes[position...].starts(with: expected) else { return false }
        position += expected.count
        return true
    }

    /// - Returns: whether there was any white space.
    private mutating func skipBlanks() -> Bool {
        let start = position
        while position < bytes.count, Self.isBlank(bytes[position]) { position += 1 }
        return position > start
    }

    /// Returns the bytes before `end`, and skips both.
    private mutating func upTo(_ end: some Collection<UInt8>) throws(S3AnswerError) -> ArraySlice<UInt8> {
        let start = position
        while position < bytes.count {
            let here = position
            if skip(end) { return bytes[start..<here] }
            position += 1
        }
        throw .notXML
    }
}
