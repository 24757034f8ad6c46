import Fleet
import FleetStore
import HTTPServing
import HTTPTypes
import Hummingbird
import JSON
import Text

/// One API request: its path, query, headers and body.
struct APICall {
    let request: Request
    let context: ServiceContext
    let core: ControlCore
    let body: [UInt8]

    static let usualLimit = 100
    static let mostLimit = 1000

    // MARK: Caller

    /// For the audit log.
    var act: Act {
        Act(who: context.caller?.name ?? "unknown", address: context.remoteAddress, at: core.now())
    }

    func checkClass(_ name: String) throws(APIProblem) {
        guard context.sees(name) else {
            throw APIProblem(403, "class", "this token is not for the class '\(DisplayName.escape(name))'")
        }
    }

    // MARK: Path, query, headers

    func path(_ key: String) throws(APIProblem) -> String {
        guard let text = context.parameters.get(key).flatMap({ PercentEncoding.decode($0) }), text.utf8.count <= 255
        else { throw APIProblem(400, "path", "the path has a broken escape, or a part that is too long") }
        return text
    }

    func query(_ key: String) -> String? {
        guard let value = request.uri.queryParameters[Substring(key)], !value.isEmpty else { return nil }
        return String(value)
    }

    func limit() throws(APIProblem) -> Int {
        guard let text = query("limit") else { return Self.usualLimit }
        guard text.utf8.count <= 6, let limit = Int(text), (1...Self.mostLimit).contains(limit) else {
            throw APIProblem(400, "limit", "'limit' is a number from 1 to \(Self.mostLimit)")
        }
        return limit
    }

    /// The position after which a list continues, as encoded by ``next(_:)``.
    func after() throws(APIProblem) -> String? {
        guard let text = query("after") else { return nil }
        guard text.utf8.count <= 2048, text.utf8.count % 2 == 0,
            let bytes = Hexadecimal.decode(text, byteCount: text.utf8.count / 2),
            let value = String(validating: bytes, as: UTF8.self), !value.utf8.contains(0)
        else { throw APIProblem(400, "after", "'after' is what the page before has as its 'next'") }
        return value
    }

    static func next(_ last: String) -> String { Hexadecimal.encode(last.utf8) }

    func choice<Value: RawRepresentable & CaseIterable>(_ key: String, _: Value.Type) throws(APIProblem) -> Value?
    where Value.RawValue == String {
        guard let text = query(key) else { return nil }
        guard let value = Value(rawValue: text) else {
            let known = Value.allCases.map(\.rawValue).joined(separator: ", ")
            throw APIProblem(400, key, "'\(key)' is one of \(known)")
        }
        return value
    }

    /// One of some words; nil where none is given.
    func word(_ key: String, of known: [String]) throws(APIProblem) -> String? {
        guard let text = query(key) else { return nil }
        guard known.contains(text) else {
            throw APIProblem(400, key, "'\(key)' is one of \(known.joined(separator: ", "))")
        }
        return text
    }

    /// The revision in `If-Match`.
    /// - Returns: nil for `*`. -1 for an ETag that this program never sends.
    func ifMatch() throws(APIProblem) -> Int64? {
        guard let field = request.headers[.ifMatch] else { throw .unnamed }
        if field == "*" { return nil }
        let digits = field.drop { $0 == "\"" }.prefix { $0 != "\"" }
        guard let revision = Int64(digits), field == "\"\(digits)\"" else {
            // No resource has this ETag.
            return -1
        }
        return revision
    }

    // MARK: Body

    func document() throws(APIProblem) -> JSONObject {
        guard !body.isEmpty else { return JSONObject() }
        let value: JSONValue
        do throws(JSONError) { value = try JSONValue.parse(body) } catch {
            throw APIProblem(400, "json", "the body is no JSON: \(error)")
        }
        guard let object = value.objectValue else {
            throw APIProblem(400, "json", "the body is \(value.kind) and no object")
        }
        return object
    }

    /// The members of the body. An unknown member is an error.
    func members(_ known: [String]) throws(APIProblem) -> APIMembers {
        let object = try document()
        for key in object.keys where !known.contains(key) {
            throw .invalid(key, "is not known here: \(known.joined(separator: ", "))")
        }
        return APIMembers(object: object)
    }
}

/// Reads and checks the members of a body.
struct APIMembers {
    let object: JSONObject

    func has(_ key: String) -> Bool { object[key].map { !$0.isNull } ?? false }

    func text(_ key: String, most: Int = 1024) throws(APIProblem) -> String? {
        guard let value = object[key], !value.isNull else { return nil }
        guard let text = value.stringValue, text.utf8.count <= most, !text.utf8.contains(0) else {
            throw .invalid(key, "is text of at most \(most) bytes")
        }
        return text
    }

    func needed(_ key: String, most: Int = 1024) throws(APIProblem) -> String {
        guard let text = try text(key, most: most), !text.isEmpty else { throw .invalid(key, "is missing") }
        return text
    }

    func number(_ key: String, in range: ClosedRange<Int64>) throws(APIProblem) -> Int64? {
        guard let value = object[key], !value.isNull else { return nil }
        guard case .integer(let number) = value, range.contains(number) else {
            throw .invalid(key, "is a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    func flag(_ key: String) throws(APIProblem) -> Bool? {
        guard let value = object[key], !value.isNull else { return nil }
        guard case .bool(let flag) = value else { throw .invalid(key, "is true or false") }
        return flag
    }

    func texts(_ key: String, most: Int, bytes: Int = 1024) throws(APIProblem) -> [String] {
        guard let value = object[key], !value.isNull else { return [] }
        if let text = value.stringValue, text.utf8.count <= bytes { return [text] }
        guard let list = value.arrayValue, list.count <= most,
            list.allSatisfy({ $0.stringValue.map { $0.utf8.count <= bytes && !$0.utf8.contains(0) } ?? false })
        else { throw .invalid(key, "is a list of at most \(most) texts of \(bytes) bytes") }
        return list.compactMap(\.stringValue)
    }

    /// A duration such as `90s`, `10m`, `2h`, `7d`, in seconds.
    func duration(_ key: String, most: Double) throws(APIProblem) -> Double? {
        guard let value = object[key], !value.isNull else { return nil }
        guard let text = value.lenientText, let seconds = DurationText.seconds(text, unit: 1), seconds > 0,
            Double(seconds) <= most
        else { throw .invalid(key, "is a duration such as 90s, 10m, 2h or 7d, at most \(Int(most / 86_400))d") }
        return Double(seconds)
    }

    /// Labels to set. A null value removes the label.
    func labels(_ key: String) throws(APIProblem) -> [(String, String?)] {
        guard let value = object[key], !value.isNull else { return [] }
        guard let members = value.objectValue?.members, members.count <= Labels.most else {
            throw .invalid(key, "is an object of at most \(Labels.most) texts")
        }
        var pairs: [(String, String?)] = []
        for member in members {
            guard member.value.isNull || member.value.lenientText != nil else {
                throw .invalid(key, "has a value that is no text")
            }
            guard member.value.isNull || !member.key.hasPrefix(LabelKey.hostPrefix) else {
                throw APIProblem(
                    422, "invalid", "what stands under '\(LabelKey.hostPrefix)' is said by the host itself",
                    advice: "put it under 'host' in the host's agent.yaml, or choose another name")
            }
            pairs.append((member.key, member.value.lenientText))
        }
        return pairs
    }
}

/// The answer to an API request.
struct APIReply: Sendable {
    var status = 200
    let json: JSONValue
    /// The revision of the resource, for the ETag.
    var revision: Int64?
    var location: String?

    init(_ json: JSONValue, status: Int = 200, revision: Int64? = nil, location: String? = nil) {
        self.json = json
        self.status = status
        self.revision = revision
        self.location = location
    }

    static func list(_ items: [JSONValue], next: String?, total: Int? = nil) -> APIReply {
        var object = JSONObject(["items": .array(items), "next": next.map { .string(APICall.next($0)) } ?? .null])
        if let total { object["total"] = .integer(Int64(total)) }
        return APIReply(.object(object))
    }

    var response: Response {
        var response =
            status == 204
            ? Response(status: .noContent) : Response.json(json, status: HTTPResponse.Status(code: status))
        if let revision { response.headers[.eTag] = "\"\(revision)\"" }
        if let location { response.headers[.location] = location }
        return response
    }
}
