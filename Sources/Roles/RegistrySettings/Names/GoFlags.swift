import Text

/// The flags of a command line, read as Go's `flag` package does: `-port=1`, `--port=1`, `-port 1`, `--port 1`. The last
/// flag of a name counts. An argument that is not a flag, and any argument after `--`, is an error.
package struct GoFlags: Sendable, Equatable {
    package enum Problem: Error, Sendable, Hashable, CustomStringConvertible {
        case notDefined(String)
        case needsArgument(String)
        case badSyntax(String)
        case invalidValue(flag: String, value: String)
        case unexpected(String)
        case missing(String)
        case help

        package var description: String {
            func shown(_ text: String) -> String { DisplayName.escape(text) }
            return switch self {
            case .notDefined(let name): "flag provided but not defined: -\(shown(name))"
            case .needsArgument(let name): "flag needs an argument: -\(shown(name))"
            case .badSyntax(let text): "bad flag syntax: \(shown(text))"
            case .invalidValue(let flag, let value): "invalid value \"\(shown(value))\" for flag -\(shown(flag))"
            case .unexpected(let text): "unexpected argument: \(shown(text))"
            case .missing(let name): "-\(shown(name)) is needed"
            case .help: "help"
            }
        }
    }

    private var values: [String: String] = [:]
    /// The switches that were given, of `swoop` itself and without a value, each as `--NAME`.
    private(set) package var switches: [String] = []

    package subscript(_ name: String) -> String? { values[name] }

    /// - Parameters:
    ///   - known: names of flags with a value.
    ///   - switches: names of flags without one.
    package init(_ arguments: [String], known: [String], switches: [String] = []) throws(Problem) {
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            guard argument.hasPrefix("-"), argument != "-" else { throw .unexpected(argument) }
            if argument == "--" { break }
            let bare = argument.dropFirst(argument.hasPrefix("--") ? 2 : 1)
            guard let first = bare.first, first != "-", first != "=" else { throw .badSyntax(argument) }
            let parts = bare.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            let name = parts[0]
            if name == "h" || name == "help" { throw .help }
            if switches.contains(name), parts.count == 1 {
                self.switches.append("--" + name)
                continue
            }
            guard known.contains(name) else { throw .notDefined(name) }
            if parts.count == 2 {
                values[name] = parts[1]
            } else {
                guard let value = rest.popFirst() else { throw .needsArgument(name) }
                values[name] = value
            }
        }
        if let argument = rest.first { throw .unexpected(argument) }
    }

    /// A port; nil where the flag is not given.
    package func port(_ name: String) throws(Problem) -> Int? {
        guard let text = values[name] else { return nil }
        guard !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let port = Int(text), port <= 65_535
        else { throw .invalidValue(flag: name, value: text) }
        return port
    }
}
