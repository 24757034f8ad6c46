import JSON

extension SettingsSource {
    /// Both as one: keys of the later source replace those here, objects are merged key by key, and lists replaced as wholes.
    /// A key that is null there takes back what is here, unless that is an object.
    package func overlaid(by later: SettingsSource) -> SettingsSource {
        SettingsSource(
            Self.merged(values, later.values), places: places.merging(later.places) { _, later in later })
    }

    /// The same without a key of the whole.
    package func without(_ key: String) -> SettingsSource {
        var values = values
        values[key] = nil
        return SettingsSource(values, places: places)
    }

    private static func merged(_ base: JSONObject, _ later: JSONObject) -> JSONObject {
        var result = base
        for (key, value) in later.members.map({ ($0.key, $0.value) }) {
            switch (base[key], value) {
            case (.object(let inner)?, .object(let over)): result[key] = .object(merged(inner, over))
            case (.object?, .null): break
            default: result[key] = value
            }
        }
        return result
    }
}
