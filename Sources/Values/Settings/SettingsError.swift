/// Why a configuration is refused: names the key and, where it is known, the place in the file.
package struct SettingsError: Error, Sendable, Hashable, CustomStringConvertible {
    package enum Kind: Sendable, Hashable {
        /// A key that must be there is not.
        case missing
        /// A key's value cannot be used.
        case wrong
    }

    package let kind: Kind
    package let path: SettingPath
    /// For a person; shows no value that may be a secret.
    package let reason: String
    package private(set) var place: SettingPlace?

    init(_ kind: Kind, _ path: SettingPath, _ reason: String) {
        self.kind = kind
        self.path = path
        self.reason = reason
    }

    package static func missing(_ key: String, _ reason: String) -> SettingsError {
        SettingsError(.missing, SettingPath().member(key), reason)
    }

    package static func wrong(_ key: String, _ reason: String) -> SettingsError {
        SettingsError(.wrong, SettingPath().member(key), reason)
    }

    /// For a configuration in which a key that is not known is a mistake.
    package static func unknown(_ note: SettingNote) -> SettingsError {
        SettingsError(.wrong, note.path, "there is no such key").located(by: note.place)
    }

    package var description: String {
        (place.map { "\($0): " } ?? "") + "the key '\(path)' is \(kind == .missing ? "missing" : "wrong"): \(reason)"
    }

    func located(by place: SettingPlace?) -> SettingsError {
        var error = self
        error.place = place
        return error
    }
}

/// What is odd in a configuration but no error.
package struct SettingNote: Sendable, Hashable, CustomStringConvertible {
    package let path: SettingPath
    /// Follows the name of the key: `: its shape is unusual`.
    package let text: String
    package private(set) var place: SettingPlace?

    package init(path: SettingPath, text: String) {
        self.path = path
        self.text = text
    }

    package var description: String { (place.map { "\($0): " } ?? "") + "the key '\(path)'\(text)" }

    func located(by place: SettingPlace?) -> SettingNote {
        var note = self
        note.place = place
        return note
    }
}
