/// One bencoded value.
public enum BencodeValue: Sendable, Hashable {
    case integer(Int64)
    case bytes(BencodeBytes)
    case list([BencodeValue])
    case dictionary(BencodeDictionary)

    /// A string of the UTF-8 bytes of `text`.
    public static func string(_ text: String) -> BencodeValue { .bytes(BencodeBytes(text)) }

    /// A string of raw bytes.
    public static func data(_ bytes: some Sequence<UInt8>) -> BencodeValue { .bytes(BencodeBytes(bytes)) }

    /// The integer, or nil for any other kind.
    public var integerValue: Int64? { if case .integer(let value) = self { value } else { nil } }

    /// The string's bytes, or nil for any other kind. Shares the input's storage.
    public var bytesValue: ArraySlice<UInt8>? { if case .bytes(let value) = self { value.slice } else { nil } }

    /// The string as text, or nil for any other kind and for bytes that are not UTF-8.
    public var stringValue: String? { if case .bytes(let value) = self { value.string } else { nil } }

    /// The list's values, or nil for any other kind.
    public var listValue: [BencodeValue]? { if case .list(let value) = self { value } else { nil } }

    /// The dictionary, or nil for any other kind.
    public var dictionaryValue: BencodeDictionary? { if case .dictionary(let value) = self { value } else { nil } }
}

extension BencodeValue: ExpressibleByIntegerLiteral, ExpressibleByStringLiteral, ExpressibleByArrayLiteral,
    ExpressibleByDictionaryLiteral
{
    public init(integerLiteral value: Int64) { self = .integer(value) }
    public init(stringLiteral value: String) { self = .string(value) }
    public init(arrayLiteral elements: BencodeValue...) { self = .list(elements) }
    public init(dictionaryLiteral elements: (BencodeBytes, BencodeValue)...) {
        self = .dictionary(BencodeDictionary(elements))
    }
}
