/// Why an input was refused (not bencode, or over a limit), and at which byte.
public struct BencodeError: Error, Sendable, Hashable, CustomStringConvertible {
    public enum Code: String, Sendable, Hashable, CaseIterable {
        case truncated = "the data ends in the middle of a value"
        case unexpectedByte = "a byte that cannot start a value"
        case badInteger = "a malformed integer (leading zero, minus zero, or no digits)"
        case integerOutOfRange = "an integer that does not fit 64 bits"
        case badLength = "a malformed string length"
        case lengthPastEnd = "a string longer than the data that is left"
        case keyNotString = "a dictionary key that is not a string"
        case duplicateKey = "a dictionary with the same key twice"
        case unsortedKeys = "dictionary keys out of order"
        case trailingBytes = "more data after the value"
        case tooLarge = "more bytes than allowed"
        case tooManyTokens = "more values than allowed"
        case tooDeep = "lists or dictionaries nested deeper than allowed"
    }

    public let code: Code
    /// Offset in bytes from the start of the input.
    public let offset: Int

    public init(_ code: Code, at offset: Int) {
        self.code = code
        self.offset = offset
    }

    public var description: String { "not valid bencode: \(code.rawValue), at byte \(offset)" }
}
