import Bencode

/// The keys of a torrent file around its info dictionary, byte for byte and in the order of the file, so that fields
/// unknown to this program are kept for others.
struct TorrentFields: Sendable {
    struct Field: Sendable {
        let key: [UInt8]
        /// The encoding of the key and its value. For the info dictionary only the key: its bytes are in `Info`.
        let bytes: [UInt8]
    }

    private var fields: [Field]

    private static let info = Array("info".utf8)

    /// The fields of a file that has only an info dictionary.
    init() {
        fields = [Field(key: Self.info, bytes: Bencode.encode("info"))]
    }

    /// The fields of a received file that has an info dictionary.
    init(_ received: [BencodeView.Field]) {
        fields = []
        var hasInfo = false
        for field in received {
            let isInfo = field.key.elementsEqual(Self.info)
            // A second info dictionary was checked to be identical.
            if isInfo, hasInfo { continue }
            hasInfo = hasInfo || isInfo
            let bytes = isInfo ? field.bytes[..<field.value.bytes.startIndex] : field.bytes
            fields.append(Field(key: Array(field.key), bytes: Array(bytes)))
        }
    }

    /// Replaces the value of `key`, or removes the key for nil. A new key is inserted before the first key that sorts
    /// after it.
    mutating func set(_ key: String, to value: BencodeValue?) {
        let name = Array(key.utf8)
        let place =
            fields.firstIndex { $0.key == name }
            ?? fields.firstIndex { name.lexicographicallyPrecedes($0.key) } ?? fields.endIndex
        if let value {
            fields.insert(Field(key: name, bytes: Bencode.encode(.string(key)) + Bencode.encode(value)), at: place)
            let own = place
            fields = fields.enumerated().filter { $0.offset == own || $0.element.key != name }.map(\.element)
        } else {
            fields.removeAll { $0.key == name }
        }
    }

    /// The torrent file around `info`, the bytes of an info dictionary.
    func encode(info: [UInt8]) -> [UInt8] {
        var writer = BencodeWriter()
        writer.reserve(fields.reduce(info.count + 2) { $0 + $1.bytes.count })
        writer.beginDictionary()
        for field in fields {
            writer.append(raw: field.bytes)
            if field.key == Self.info { writer.append(raw: info) }
        }
        writer.end()
        return writer.bytes
    }
}
