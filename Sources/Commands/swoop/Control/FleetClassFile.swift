import JSON
import Settings
import YAML

/// A class's definition in a file, to find its name: control reads and checks it.
enum FleetClassFile {
    static func read(_ bytes: [UInt8]) throws -> JSONObject { try YAMLDocument.read(bytes, file: "").values }
}

extension String {
    /// Without blanks and line ends behind.
    var trimmingSuffixBlanks: String {
        var text = self
        while let last = text.utf8.last, last == 0x0a || last == 0x20 { text.removeLast() }
        return text
    }
}
