import JSON
import Settings
import YAML

/// Reads a class's definition from a file, only to find the class's name. Control validates the definition.
enum FleetClassFile {
    static func read(_ bytes: [UInt8]) throws -> JSONObject { try YAMLDocument.read(bytes, file: "").values }
}

extension String {
    /// The text without trailing spaces and line feeds.
    var trimmingSuffixBlanks: String {
        var text = self
        while let last = text.utf8.last, last == 0x0a || last == 0x20 { text.removeLast() }
        return text
    }
}
