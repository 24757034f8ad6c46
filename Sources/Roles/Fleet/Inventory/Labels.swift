import Text

/// Labels that people give to a node: `site=bj`, `tier=edge`, `canary`.
package struct Labels: Sendable, Hashable {
    /// Maximum number of labels of a node.
    package static let most = 64

    package private(set) var values: [String: String] = [:]

    package init() {}

    /// - Throws: for the first invalid label.
    package init(_ pairs: some Sequence<(String, String)>) throws(LabelProblem) {
        for (key, value) in pairs { try set(key, value) }
    }

    package subscript(_ key: String) -> String? { values[key] }

    /// Sets a label, or removes it if the value is nil.
    package mutating func set(_ key: String, _ value: String?) throws(LabelProblem) {
        guard LabelKey.isValid(key) else { throw .key(key) }
        guard !LabelKey.builtIn.contains(key) else { throw .builtIn(key) }
        guard let value else {
            values[key] = nil
            return
        }
        guard value.utf8.count <= 255, value.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7f }) else {
            throw .value(key)
        }
        guard values[key] != nil || values.count < Self.most else { throw .tooMany }
        values[key] = value
    }

    /// These labels, overridden and extended by others.
    package func merging(_ others: Labels) throws(LabelProblem) -> Labels {
        var labels = self
        for (key, value) in others.values { try labels.set(key, value) }
        return labels
    }

    /// `KEY=VALUE`, or `KEY` for a label without a value.
    package static func pair(_ text: String) -> (String, String) {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        return (String(parts[0]), parts.count == 2 ? String(parts[1]) : "")
    }
}

/// Names of labels: 1 to 63 bytes, not counting ``LabelKey/hostPrefix``. Letters, digits and `._/-`; the first byte is a
/// letter or digit.
package enum LabelKey {
    /// Keys that every node has by itself. Labels cannot have these names.
    package static let builtIn: Set<String> = ["name", "os", "arch", "version", "tz", "addr"]
    /// Prefix of labels from an agent's own configuration file. With it, a host cannot give itself a label that a class
    /// selects.
    package static let hostPrefix = "host/"

    package static func isValid(_ text: some StringProtocol) -> Bool {
        let name = text.utf8.starts(with: hostPrefix.utf8) ? text.utf8.dropFirst(hostPrefix.utf8.count) : text.utf8[...]
        guard (1...63).contains(name.count), let first = name.first, isAlphanumeric(first) else { return false }
        return name.allSatisfy(isPart)
    }

    static func isPart(_ byte: UInt8) -> Bool {
        isAlphanumeric(byte) || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "/")
            || byte == UInt8(ascii: "-")
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5a, 0x61...0x7a: true
        default: false
        }
    }
}

/// Why labels are refused.
package enum LabelProblem: Error, Hashable, Sendable, CustomStringConvertible {
    case key(String)
    case builtIn(String)
    case value(String)
    case tooMany

    package var description: String {
        switch self {
        case .key(let key):
            "'\(DisplayName.escape(key))' is no valid label: 1 to 63 letters, digits and ._/-, first a letter or digit"
        case .builtIn(let key): "'\(key)' is a built-in property of every node and cannot be a label"
        case .value(let key): "the value of the label '\(key)' is longer than 255 bytes or has control characters in it"
        case .tooMany: "a node has at most \(Labels.most) labels"
        }
    }
}
