import JSON

/// A value that is given, and its way.
package struct SettingNode: Sendable {
    package let value: JSONValue
    package let path: SettingPath

    package init(value: JSONValue, path: SettingPath) {
        self.value = value
        self.path = path
    }

    /// - Parameter reason: shows no value that may be a secret.
    package func wrong(_ reason: String) -> SettingsError { SettingsError(.wrong, path, reason) }

    /// A member of an object; null if it has none of that name.
    package func member(_ key: String) -> SettingNode {
        SettingNode(value: value[key] ?? .null, path: path.member(key))
    }

    package func note(_ text: String) -> SettingNote { SettingNote(path: path, text: text) }
}

/// How a value is read and checked.
package struct SettingForm<Value: Sendable>: Sendable {
    private let read: @Sendable (SettingNode, inout [SettingNote]) throws(SettingsError) -> Value?

    /// - Parameter read: returns nil where the value is as good as none, as an empty text often is.
    package init(_ read: @escaping @Sendable (SettingNode) throws(SettingsError) -> Value?) {
        self.read = { node, _ throws(SettingsError) in try read(node) }
    }

    /// For values of which something may be noted.
    package init(noting read: @escaping @Sendable (SettingNode, inout [SettingNote]) throws(SettingsError) -> Value?) {
        self.read = read
    }

    func value(_ node: SettingNode?, _ notes: inout [SettingNote]) throws(SettingsError) -> Value? {
        guard let node else { return nil }
        return try read(node, &notes)
    }

    /// The value of an element or member, for forms that have others in them.
    package func value(of node: SettingNode, _ notes: inout [SettingNote]) throws(SettingsError) -> Value? {
        try read(node, &notes)
    }
}
