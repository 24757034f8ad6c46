import Fleet
import FleetStore
import HTTPTypes
import JSON
import Settings
import Text
import YAML

/// The routes of classes.
enum ClassCalls {
    static func list(_ call: APICall) async throws(APIProblem) -> APIReply {
        let (limit, after) = (try call.limit(), try call.after())
        let page = try await call.stored { () throws(StoreError) in
            try await call.core.store.classes(after: after, limit: limit + 1)
        }
        return .list(
            page.prefix(limit).map(Documents.fleetClass), next: page.count > limit ? page[limit - 1].name : nil)
    }

    static func show(_ call: APICall) async throws(APIProblem) -> APIReply {
        let name = try call.path("name")
        var version: Int?
        if let text = call.query("version") {
            guard text.utf8.count <= 9, let number = Int(text), number > 0 else {
                throw APIProblem(400, "version", "'version' is a number from 1")
            }
            version = number
        }
        let record = try await call.stored { [version] () throws(StoreError) in
            try await call.core.store.fleetClass(name, version: version)
        }
        guard let record else {
            throw version.map { .unknown("version of the class", "\(name) \($0)") } ?? .unknown("class", name)
        }
        return APIReply(try document(record, call.core), revision: record.revision)
    }

    /// The document of a class, with the number of nodes that it selects now.
    private static func document(_ record: ClassRecord, _ core: ControlCore) throws(APIProblem) -> JSONValue {
        var object = Documents.fleetClass(record).objectValue ?? JSONObject()
        if let settings = try? record.settings() {
            let active = core.nodes.records { $0.record.state == .active }
            let matching = active.filter { settings.targets.selects($0.selectable) }
            object["matches"] = .integer(Int64(matching.count))
        }
        return .object(object)
    }

    static func versions(_ call: APICall) async throws(APIProblem) -> APIReply {
        let (name, limit) = (try call.path("name"), try call.limit())
        let before = try call.after().flatMap { Int($0) }
        let page = try await call.stored { () throws(StoreError) in
            try await call.core.store.versions(of: name, before: before, limit: limit + 1)
        }
        if page.isEmpty, before == nil { throw .unknown("class", name) }
        return .list(
            page.prefix(limit).map(Documents.fleetClass), next: page.count > limit ? "\(page[limit - 1].version)" : nil)
    }

    /// Stores a definition in JSON or YAML as a new version of a class. Creates the class if necessary.
    static func put(_ call: APICall) async throws(APIProblem) -> APIReply {
        let name = try call.path("name")
        let expecting: Int64?
        if let field = HTTPField.Name("If-None-Match"), call.request.headers[field] == "*" {
            expecting = 0
        } else {
            expecting = try call.ifMatch()
            // '*' is for any version, but for some (RFC 9110, section 13.1.1).
            if expecting == nil, try await newest(name, call) == nil {
                throw APIProblem(
                    412, "stale", "there is no class '\(DisplayName.escape(name))' yet",
                    advice: "send If-None-Match: * to make it")
            }
        }
        let source = try source(call)
        return try await put(name, source, expecting: expecting, call)
    }

    private static func newest(_ name: String, _ call: APICall) async throws(APIProblem) -> ClassRecord? {
        try await call.stored { () throws(StoreError) in
            try await call.core.store.fleetClass(name, version: nil)
        }
    }

    static func source(_ call: APICall) throws(APIProblem) -> SettingsSource {
        let type = call.request.headers[.contentType]?.lowercased() ?? ""
        guard type.contains("yaml") else { return SettingsSource(try call.document()) }
        do throws(YAMLProblem) { return try YAMLDocument.read(call.body, file: "") } catch {
            throw refused(key: nil, place: error.place, error.reason)
        }
    }

    private static func put(
        _ name: String, _ source: SettingsSource, expecting: Int64?, _ call: APICall
    ) async throws(APIProblem) -> APIReply {
        var settings: FleetClass
        do throws(SettingsError) { settings = try FleetClass(source) } catch {
            throw refused(key: "\(error.path)", place: error.place ?? place(of: error, in: call), error.reason)
        }
        for (key, selections) in [("targets", settings.targets), ("caches", settings.caches)] {
            guard selections.expressions.allSatisfy(\.isQuick) else {
                throw refused(
                    key: key, place: nil, "a regular expression in it repeats what can match in several ways")
            }
        }
        if settings.name.isEmpty { settings.name = name }
        guard settings.name == name, LabelKey.isValid(name), !name.contains("/") else {
            throw refused(
                key: "name", place: nil,
                "the class is called '\(settings.name)' in its definition and '\(name)' in the call")
        }
        let doc = source.values
        let size = JSONTerms(doc: doc, name: name).forTargets.text.utf8.count
        guard size <= JSONTerms.mostForTargets else {
            throw refused(
                key: nil, place: nil,
                "what targets are told of it (hook, windows, sources, limits) takes \(size) bytes, of at most \(JSONTerms.mostForTargets)"
            )
        }
        let outcome = try await call.stored { () throws(StoreError) in
            try await call.core.store.put(class: name, doc, expecting: expecting, by: call.act)
        }
        if case .stale(0) = outcome {
            throw APIProblem(412, "stale", "there is no such class yet", advice: "send If-None-Match: * to make it")
        }
        let record = try call.value(of: outcome, "class", name)
        call.core.classes.put(record)
        return APIReply(
            try document(record, call.core), status: record.version == 1 && expecting == 0 ? 201 : 200,
            revision: record.revision, location: "/v1/classes/\(name)")
    }

    /// Where a mistake stands in a body of JSON, which YAML's reader reads too and knows the lines of.
    private static func place(of error: SettingsError, in call: APICall) -> SettingPlace? {
        guard error.kind == .wrong else { return nil }
        return (try? YAMLDocument.read(call.body, file: ""))?.place(of: error.path)
    }

    private static func refused(key: String?, place: SettingPlace?, _ reason: String) -> APIProblem {
        let text = (place.map { "\($0): " } ?? "") + (key.map { "'\($0)': " } ?? "") + reason
        var problem = APIProblem(422, "class_invalid", text, advice: "docs/fleet.md has all keys of a class")
        if let key { problem.extra["key"] = .string(key) }
        if let place { problem.extra["line"] = .integer(Int64(place.line)) }
        problem.extra["reason"] = .string(reason)
        return problem
    }

    /// Makes an earlier version the newest.
    static func revert(_ call: APICall) async throws(APIProblem) -> APIReply {
        let name = try call.path("name")
        let version = try call.members(["version"]).number("version", in: 1...1_000_000_000)
        guard let version else { throw .invalid("version", "is missing") }
        let record = try await call.stored { () throws(StoreError) in
            try await call.core.store.fleetClass(name, version: Int(version))
        }
        guard let record else { throw .unknown("version of the class", "\(name) \(version)") }
        return try await put(name, SettingsSource(record.doc), expecting: nil, call)
    }

    static func remove(_ call: APICall) async throws(APIProblem) -> APIReply {
        let name = try call.path("name")
        let expecting = try call.ifMatch()
        let outcome = try await call.stored { () throws(StoreError) in
            try await call.core.store.remove(class: name, expecting: expecting, by: call.act)
        }
        let record = try call.value(of: outcome, "class", name)
        call.core.classes.remove(name)
        return APIReply(Documents.fleetClass(record))
    }
}
