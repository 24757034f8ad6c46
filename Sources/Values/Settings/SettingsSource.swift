import JSON
import Text

/// A configuration as it was written: a tree of values, and where each stands in its file as far as that is known.
package struct SettingsSource: Sendable {
    package let values: JSONObject
    let places: [SettingPath: SettingPlace]

    /// - Parameter places: of members and elements; a reader that does not know them leaves them out, and errors name the
    ///   path alone.
    package init(_ values: JSONObject, places: [SettingPath: SettingPlace] = [:]) {
        self.values = values
        self.places = places
    }

    /// Where a value stands, or the nearest value around it.
    package func place(of path: SettingPath) -> SettingPlace? {
        var path = path
        while true {
            if let place = places[path] { return place }
            guard let outer = path.outer else { return nil }
            path = outer
        }
    }
}

/// Where something stands in a file.
package struct SettingPlace: Sendable, Hashable, CustomStringConvertible {
    /// Empty where there is only one file.
    package let file: String
    /// 1 for the first line.
    package let line: Int
    /// 1 for the first character of a line.
    package let column: Int

    package init(file: String = "", line: Int, column: Int) {
        self.file = file
        self.line = line
        self.column = column
    }

    package var description: String {
        (file.isEmpty ? "" : "\(DisplayName.escape(file)), ") + "line \(line), column \(column)"
    }
}

/// The way to a value from the whole: `tls.server.cert`, `tokens[2].name`.
package struct SettingPath: Sendable, Hashable, CustomStringConvertible {
    private enum Step: Sendable, Hashable {
        case member(String)
        case element(Int)
    }

    private var steps: [Step] = []

    package init() {}

    package func member(_ key: String) -> SettingPath { with(.member(key)) }
    /// - Parameter index: 0 for the first.
    package func element(_ index: Int) -> SettingPath { with(.element(index)) }

    private func with(_ step: Step) -> SettingPath {
        var path = self
        path.steps.append(step)
        return path
    }

    var outer: SettingPath? {
        guard !steps.isEmpty else { return nil }
        var path = self
        path.steps.removeLast()
        return path
    }

    /// Safe to show: keys may come from outside.
    package var description: String {
        var text = ""
        for step in steps {
            switch step {
            case .member(let key): text += (text.isEmpty ? "" : ".") + DisplayName.escape(key)
            case .element(let index): text += "[\(index)]"
            }
        }
        return text
    }
}
