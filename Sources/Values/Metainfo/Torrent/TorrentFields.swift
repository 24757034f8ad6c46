import Bencode

/// The keys of a torrent file around its info dictionary, byte for byte and in the order of the file: what a program
/// does not know, another one may need.
struct TorrentFields: Sendable {
    struct Field: Sendable {
        let key: [UInt8]
        /// The encoding of the key and its value. For the info dictionary of the key alone: its bytes are in `Info`.
        let bytes: [UInt8]
    }

    private var fields: [Field]

    private static let info = Array("info".utf8)

    /// A file with nothing but an info dictionary.
    init() {
        fields = [Field(key: Self.info, bytes: Bencode.encode("info"))]
    }

    /// The fields of a file that has an info dictionary.
    init(_ received: [BencodeView.Field]) {
        fields = []
        var hasInfo = false
        for field in received {
            let isInfo = field.key.elementsEqual(Self.info)
            // A second one was checked to be the same.
            if isInfo, hasInfo { continue }
            hasInfo = hasInfo || isInfo
            let bytes = isInfo ? field.bytes[..<field.value.bytes.startIndex] : field.bytes
            fields.append(Field(key: Array(field.key), bytes: Array(bytes)))
        }
    }

    /// Puts a value in place of what stands under `key`; nil takes it out. A new key comes before the first that sorts
    /// behind it.
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

    /// The torrent file around these bytes of an info dictionary.
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
