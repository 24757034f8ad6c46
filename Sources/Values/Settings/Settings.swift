// Settings: a configuration as a table of its keys.
//
// What it is for: each key's name, default, form and documentation stand in one place, from which the checked configuration,
// its errors and warnings, and the table in the documents are made. Where the values come from (JSON now, YAML later) is
// another's to say: it gives a tree of values, and where each stands in its file if it knows. What it must never do: read a
// file, or show a value that may be a secret in an error.

import JSON

/// The keys of a configuration, or of an object in it, in the order in which they are checked: of several mistakes, the one
/// of the first key is told.
package struct SettingsTable<Root: Sendable>: Sendable {
    package let settings: [Setting<Root>]

    package init(_ settings: [Setting<Root>]) { self.settings = settings }

    /// Checks what is given.
    /// - Parameter root: a configuration with every default.
    /// - Returns: the configuration, and what is odd but no error: unknown keys last.
    package func read(
        _ source: SettingsSource, into root: Root
    ) throws(SettingsError) -> (root: Root, notes: [SettingNote]) {
        var root = root
        var notes: [SettingNote] = []
        do {
            try read(source.values, at: SettingPath(), &root, &notes)
        } catch { throw error.located(by: source.place(of: error.path)) }
        return (root, notes.map { $0.located(by: source.place(of: $0.path)) })
    }

    /// The same for an object somewhere in a configuration.
    func read(
        _ object: JSONObject, at path: SettingPath, _ root: inout Root, _ notes: inout [SettingNote]
    ) throws(SettingsError) {
        for setting in settings {
            let given = setting.names.map { name -> SettingNode? in
                guard let value = object[name], !value.isNull else { return nil }
                return SettingNode(value: value, path: path.member(name))
            }
            try setting.read(given, path, &root, &notes)
        }
        let known = Set(settings.flatMap(\.names))
        notes += object.keys.filter { !known.contains($0) }.map {
            SettingNote(path: path.member($0), text: " is not known and is ignored")
        }
    }
}
