/// One key of a configuration: its name, what holds where it is not given, how its value is read, and what it is for.
package struct Setting<Root: Sendable>: Sendable {
    /// What holds where a key is not given, for the documents.
    package enum Default: Sendable, Hashable {
        /// This value: to write it changes nothing.
        case value(String)
        /// Something that no value says: `the first free port`.
        case words(String)
        case nothing
    }

    /// The first is the key's own; another is one more name for the same.
    package let names: [String]
    package let usual: Default
    /// What the key is for, as Markdown, in less than a sentence.
    package let text: String
    let read: @Sendable ([SettingNode?], SettingPath, inout Root, inout [SettingNote]) throws(SettingsError) -> Void

    package var key: String { names.first ?? "" }

    private init(
        names: [String], _ usual: Default, _ text: String,
        read:
            @escaping @Sendable ([SettingNode?], SettingPath, inout Root, inout [SettingNote]) throws(SettingsError) ->
            Void
    ) {
        self.names = names
        self.usual = usual
        self.text = text
        self.read = read
    }

    /// A key whose value, if it has one, is put into the configuration.
    /// - Parameter whenAbsent: what holds without one, where it depends on keys that stand before this.
    package init<Value>(
        _ key: String, _ form: SettingForm<Value>, _ target: WritableKeyPath<Root, Value> & Sendable,
        _ usual: Default, _ text: String, whenAbsent: @escaping @Sendable (inout Root) -> Void = { _ in }
    ) {
        self.init(names: [key], usual, text) { given, _, root, notes throws(SettingsError) in
            if let value = try form.value(given[0], &notes) {
                root[keyPath: target] = value
            } else {
                whenAbsent(&root)
            }
        }
    }

    /// The same for a property that is nil where there is no value.
    package init<Value>(
        _ key: String, _ form: SettingForm<Value>, optional target: WritableKeyPath<Root, Value?> & Sendable,
        _ usual: Default, _ text: String
    ) {
        self.init(names: [key], usual, text) { given, _, root, notes throws(SettingsError) in
            if let value = try form.value(given[0], &notes) { root[keyPath: target] = value }
        }
    }

    /// A key that must be there.
    /// - Parameter reason: what is said where it is not.
    package static func required<Value>(
        _ key: String, _ form: SettingForm<Value>, _ target: WritableKeyPath<Root, Value> & Sendable,
        orElse reason: String, _ text: String
    ) -> Setting {
        Setting(names: [key], .words("none"), text) { given, path, root, notes throws(SettingsError) in
            guard let value = try form.value(given[0], &notes) else {
                throw SettingsError(.missing, path.member(key), reason)
            }
            root[keyPath: target] = value
        }
    }

    /// One key with two names. Both may be given if they say the same.
    package static func named<Value: Equatable>(
        _ key: String, or other: String, _ form: SettingForm<Value>,
        _ target: WritableKeyPath<Root, Value> & Sendable, _ usual: Default, _ text: String
    ) -> Setting {
        Setting(names: [key, other], usual, text) { given, path, root, notes throws(SettingsError) in
            let one = try form.value(given[0], &notes)
            let two = try form.value(given[1], &notes)
            if let one, let two, one != two {
                throw SettingsError(
                    .wrong, path.member(other), "it is one key with '\(key)', which says something else")
            }
            if let value = one ?? two { root[keyPath: target] = value }
        }
    }

    /// A key that is known and has no effect.
    package static func ignored(_ key: String) -> Setting {
        Setting(names: [key], .nothing, "accepted and ignored") { _, _, _, _ in }
    }
}

extension SettingsTable {
    /// A table in Markdown, a row for each key in the order in which they are checked.
    package var markdown: String {
        let rows = settings.map { setting in
            let names = setting.names.map { "`\($0)`" }.joined(separator: " or ")
            let usual =
                switch setting.usual {
                case .value(let value): "`\(value)`"
                case .words(let words): words
                case .nothing: ""
                }
            return "| \(names) | \(usual)\(usual.isEmpty ? "" : " ")| \(setting.text) |\n"
        }
        return "| key | default | |\n| --- | --- | --- |\n" + rows.joined()
    }
}
