import Fleet
import JSON
import Settings

extension SentContent.Terms {
    /// From the terms of a ``SendPlan``.
    init(_ terms: JSONValue) throws(SendProblem) {
        guard let object = terms.objectValue else {
            self.init()
            return
        }
        do throws(SettingsError) {
            let read = try ClassSettings.table.read(SettingsSource(object), into: FleetClass()).0
            self.init(include: read.include, exclude: read.exclude, check: read.check, block: read.block)
            verify = read.verify
            sources = read.sources
            peerToPeer = read.peerToPeer
        } catch {
            throw SendProblem(.failed, "version", "this agent does not understand the class: \(error)")
        }
    }
}

extension ByteText {
    /// A rate in bytes a second, as in a class; nil for no limit.
    static func rate(_ value: JSONValue) -> Int? {
        value.lenientText.flatMap { bytes($0) }.flatMap { $0 > 0 ? Int(exactly: $0) : nil }
    }
}
