/// Appends bencoded parts to a byte array, for output that is too large to build as values first. The caller is
/// responsible for the grammar: each `begin` needs an `end`, and keys must be sorted.
public struct BencodeWriter: Sendable {
    public private(set) var bytes: [UInt8] = []

    public init() {}

    public mutating func reserve(_ byteCount: Int) { bytes.reserveCapacity(byteCount) }

    public mutating func beginList() { bytes.append(UInt8(ascii: "l")) }
    public mutating func beginDictionary() { bytes.append(UInt8(ascii: "d")) }
    public mutating func end() { bytes.append(UInt8(ascii: "e")) }

    public mutating func append(_ integer: Int64) {
        bytes.append(UInt8(ascii: "i"))
        bytes.append(contentsOf: String(integer).utf8)
        end()
    }

    /// Appends a string or a key.
    public mutating func append(bytes string: some Collection<UInt8>) {
        bytes.append(contentsOf: String(string.count).utf8)
        bytes.append(UInt8(ascii: ":"))
        bytes.append(contentsOf: string)
    }

    /// Appends a string or a key: the UTF-8 bytes of `text`.
    public mutating func append(_ text: String) { append(bytes: text.utf8) }

    /// Appends bytes that are bencode already, such as an info dictionary as it was received.
    public mutating func append(raw: some Collection<UInt8>) { bytes.append(contentsOf: raw) }

    public mutating func append(_ value: BencodeValue) {
        switch value {
        case .integer(let integer): append(integer)
        case .bytes(let string): append(bytes: string.slice)
        case .list(let values):
            beginList()
            for value in values { append(value) }
            end()
        case .dictionary(let dictionary):
            beginDictionary()
            for entry in dictionary.entries {
                append(bytes: entry.key.slice)
                append(entry.value)
            }
            end()
        }
    }
}
