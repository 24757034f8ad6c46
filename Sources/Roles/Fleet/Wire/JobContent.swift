import JSON
import Text

extension JobContent: WireMessage {
    package init(_ reader: WireReader) throws(WireProblem) {
        let hashes = try reader.texts("info_hashes", most: 2, bytes: 64)
        guard !hashes.isEmpty, hashes.allSatisfy({ $0.utf8.count == 40 || $0.utf8.count == 64 }),
            hashes.allSatisfy({ Hexadecimal.decode($0, byteCount: $0.utf8.count / 2) != nil })
        else { throw WireProblem("info_hashes", "are no info hashes") }
        self.init(
            infoHashes: hashes.map { $0.lowercased() }, files: Int(try reader.integer("files", in: 0...10_000_000)),
            bytes: try reader.integer("bytes"))
    }

    package var json: JSONValue {
        [
            "info_hashes": .array(infoHashes.map(JSONValue.string)), "files": .integer(Int64(files)),
            "bytes": .integer(bytes),
        ]
    }
}
