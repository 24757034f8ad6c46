extension JSONValue {
    /// Reads one JSON text in UTF-8, strictly: no comments, no trailing commas, nothing after the value. A byte order
    /// mark at the start is skipped.
    /// - Throws: the reason, with line and column.
    public static func parse(_ bytes: [UInt8], limits: JSONLimits = .message) throws(JSONError) -> JSONValue {
        var parser = JSONParser(bytes: bytes, limits: limits)
        return try parser.parse()
    }
}

/// A recursive-descent parser with bounded depth.
struct JSONParser {
    let bytes: [UInt8]
    let limits: JSONLimits
    var position = 0
    private var values = 0

    init(bytes: [UInt8], limits: JSONLimits) {
        self.bytes = bytes
        self.limits = limits
    }

    mutating func parse() throws(JSONError) -> JSONValue {
        guard bytes.count <= limits.maxBytes else {
            throw JSONError(reason: "it is longer than \(limits.maxBytes) bytes", line: 1, column: 1)
        }
        if bytes.starts(with: [0xef, 0xbb, 0xbf]) { position = 3 }
        skipBlanks()
        let value = try value(depth: 0)
        skipBlanks()
        guard position == bytes.count else {
            throw error(isComment ? Self.commentReason : "there is something after the end of the value")
        }
        return value
    }

    private static let commentReason = "JSON has no comments"

    private var isComment: Bool {
        peek == UInt8(ascii: "#")
            || (peek == UInt8(ascii: "/") && position + 1 < bytes.count
                && [UInt8(ascii: "/"), UInt8(ascii: "*")].contains(bytes[position + 1]))
    }

    private var peek: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func skipBlanks() {
        while let byte = peek, byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 { position += 1 }
    }

    func error(_ reason: String, at place: Int? = nil) -> JSONError {
        let end = min(place ?? position, bytes.count)
        var line = 1
        var column = 1
        for byte in bytes[..<end] {
            if byte == 0x0a {
                line += 1
                column = 1
            } else if byte & 0xc0 != 0x80 {
                column += 1
            }
        }
        return JSONError(reason: reason, line: line, column: column)
    }

    private mutating func value(depth: Int) throws(JSONError) -> JSONValue {
        values += 1
        guard values <= limits.maxValues else { throw error("there are more than \(limits.maxValues) values") }
        guard let byte = peek else { throw error("it ends where a value should be") }
        switch byte {
        case UInt8(ascii: "{"): return .object(try object(depth: depth + 1))
        case UInt8(ascii: "["): return .array(try array(depth: depth + 1))
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
        default: throw error(isComment ? Self.commentReason : "a value should be here")
        }
    }

    private mutating func word(_ text: String, _ value: JSONValue) throws(JSONError) -> JSONValue {
        guard bytes[position...].starts(with: text.utf8) else { throw error("a value should be here") }
        position += text.utf8.count
        return value
    }

    private mutating func object(depth: Int) throws(JSONError) -> JSONObject {
        guard depth <= limits.maxDepth else { throw error("values lie more than \(limits.maxDepth) deep") }
        var object = JSONObject()
        position += 1
        skipBlanks()
        if accept("}") { return object }
        while true {
            guard peek == UInt8(ascii: "\"") else {
                throw error(isComment ? Self.commentReason : "the name of a member in double quotes should be here")
            }
            let key = try string()
            skipBlanks()
            guard accept(":") else { throw error("a ':' should be here") }
            skipBlanks()
            object[key] = try value(depth: depth)
            skipBlanks()
            if accept("}") { return object }
            guard accept(",") else { throw error(isComment ? Self.commentReason : "a ',' or '}' should be here") }
            skipBlanks()
        }
    }

    private mutating func array(depth: Int) throws(JSONError) -> [JSONValue] {
        guard depth <= limits.maxDepth else { throw error("values lie more than \(limits.maxDepth) deep") }
        var elements: [JSONValue] = []
        position += 1
        skipBlanks()
        if accept("]") { return elements }
        while true {
            elements.append(try value(depth: depth))
            skipBlanks()
            if accept("]") { return elements }
            guard accept(",") else { throw error(isComment ? Self.commentReason : "a ',' or ']' should be here") }
            skipBlanks()
        }
    }

    private mutating func accept(_ scalar: Unicode.Scalar) -> Bool {
        guard peek == UInt8(ascii: scalar) else { return false }
        position += 1
        return true
    }

    private mutating func number() throws(JSONError) -> JSONValue {
        let start = position
        var isWhole = true
        if peek == UInt8(ascii: "-") { position += 1 }
        let digits = position
        skipDigits()
        guard position > digits, bytes[digits] != UInt8(ascii: "0") || position == digits + 1 else {
            throw error("a number should be here, without zeros before it", at: start)
        }
        if peek == UInt8(ascii: ".") {
            isWhole = false
            position += 1
            guard skipDigits() else { throw error("digits should follow the point") }
        }
        if peek == UInt8(ascii: "e") || peek == UInt8(ascii: "E") {
            isWhole = false
            position += 1
            if peek == UInt8(ascii: "+") || peek == UInt8(ascii: "-") { position += 1 }
            guard skipDigits() else { throw error("digits should follow the exponent's letter") }
        }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        if isWhole, let value = Int64(text) { return .integer(value) }
        guard let value = Double(text), value.isFinite else { throw error("the number is too big", at: start) }
        return .double(value)
    }

    @discardableResult
    private mutating func skipDigits() -> Bool {
        let start = position
        while let byte = peek, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { position += 1 }
        return position > start
    }
}
