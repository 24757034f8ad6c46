import Fleet
import JSON
import Settings

/// One version of a class.
package struct ClassRecord: Sendable, Hashable {
    package let name: String
    package let version: Int
    /// The definition as it was written.
    package let doc: JSONObject
    package let who: String
    /// Seconds since 1970.
    package let at: Double
    /// The revision of the class.
    package let revision: Int64

    package init(name: String, version: Int, doc: JSONObject, who: String, at: Double, revision: Int64) {
        self.name = name
        self.version = version
        self.doc = doc
        self.who = who
        self.at = at
        self.revision = revision
    }

    /// - Throws: if this version of the program does not accept the definition any more.
    package func settings() throws(SettingsError) -> FleetClass {
        var settings = try FleetClass(SettingsSource(doc))
        settings.name = name
        return settings
    }

    init?(_ row: StoreRow) {
        guard let name = row.text(0), let version = row.int(1), let doc = row.json(2)?.objectValue,
            let who = row.text(3), let at = row.time(4), let revision = row.int(5)
        else { return nil }
        self.init(name: name, version: Int(clamping: version), doc: doc, who: who, at: at, revision: revision)
    }
}
