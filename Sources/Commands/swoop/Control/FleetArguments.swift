import Address
import ArgumentParser
import Control
import Files
import Glibc
import HTTPTransport
import JSON
import NIOCore
import NIOHTTP1
import Text

/// The options of all `swoop fleet` commands: the address of control's API, and the credentials for it.
struct FleetArguments: ParsableArguments, Sendable {
    @Option(
        help: ArgumentHelp(
            "Control's API. Default: the environment's SWOOP_CONTROL (a URL, or a profile's path), else ~/.config/swoop/fleet.yaml, else http://127.0.0.1:7480.",
            valueName: "url"))
    var control: String?

    @Option(
        help: ArgumentHelp(
            "A file with an API token. Default: the environment's SWOOP_TOKEN_FILE, else control's admin.token on this host.",
            valueName: "file"))
    var tokenFile: String?

    @Option(
        help: ArgumentHelp(
            "PEM file: who vouches for control's certificate, in place of the system's. Default: the environment's SWOOP_CA, else beside the system's the authority.pem beside the token.",
            valueName: "file"))
    var ca: String?

    func client() throws -> FleetClient {
        let profile = try FleetProfile.find()
        let named = Self.environment("SWOOP_CONTROL").flatMap { FleetProfile.isPath($0) ? nil : $0 }
        let text = control ?? named ?? profile.control ?? "http://127.0.0.1:7480"
        let full = text.contains("://") ? text : "https://" + text
        guard let url = HTTPURL(full), url.isSecure || full.hasPrefix("http://") else {
            throw Failure(
                .usage, "'\(text.shown)' is no address of a control", advice: "Write --control https://HOST:7480.")
        }
        guard url.isSecure || HostName.isLoopback(url.host) else {
            throw Failure(
                .usage, "'\(text.shown)' is another host, and nothing hides the token from who is on the way to it",
                advice: "Write https:// in place of http://.")
        }
        let path =
            tokenFile ?? Self.environment("SWOOP_TOKEN_FILE") ?? profile.tokenFile
            ?? ControlCommand.usualData + "/admin.token"
        let file: SmallFile
        do throws(SystemError) {
            file = try SystemFileLayer().readSmallFile(SystemPath(path), limit: 64 << 10, followSymlink: true)
        } catch {
            throw Failure(
                .usage, "cannot read the token in '\(path.shown)': \(error)",
                advice: "Give a file with an API token: --token-file FILE.")
        }
        let token = String(decoding: file.bytes, as: UTF8.self).trimmingBlanks
        guard !token.isEmpty, token.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else {
            throw Failure(.usage, "'\(path.shown)' has no token in it")
        }
        var settings = HTTPTransportSettings()
        settings.trustedAuthorities = ca ?? Self.environment("SWOOP_CA") ?? profile.ca
        // Beside the token that control has made stands who vouches for its certificate.
        let beside = String(path.prefix(upTo: path.lastIndex(of: "/").map { path.index(after: $0) } ?? path.startIndex))
        if settings.trustedAuthorities == nil, url.isSecure {
            let file = beside + ControlRole.authorityFile
            if access(file, R_OK) == 0 { settings.furtherAuthorities = file }
        }
        return FleetClient(base: full.hasSuffix("/") ? String(full.dropLast()) : full, token: token, settings: settings)
    }

    private static func environment(_ name: String) -> String? {
        Terminal.environment(name).flatMap { $0.isEmpty ? nil : $0 }
    }

    /// Runs `body` with a client, and shuts the client down.
    func using<R>(_ body: (FleetClient) async throws -> R) async throws -> R {
        let client = try client()
        do {
            let result = try await body(client)
            await client.shutdown()
            return result
        } catch {
            await client.shutdown()
            throw error
        }
    }
}

/// A client of control's API.
struct FleetClient: Sendable {
    struct Reply: Sendable {
        let json: JSON.JSONValue
        /// The ETag with its quotes.
        let etag: String?
    }

    let base: String
    private let token: String
    private let transport: HTTPTransport
    private static let timeout = TimeAmount.seconds(60)

    init(base: String, token: String, settings: HTTPTransportSettings) {
        self.base = base
        self.token = token
        transport = HTTPTransport(settings: settings)
    }

    func shutdown() async { await transport.shutdown() }

    func get(_ path: String, _ query: [(String, String?)] = []) async throws -> Reply {
        try await call(.GET, path + Self.text(query))
    }

    func post(_ path: String, _ body: JSON.JSONValue = [:]) async throws -> Reply {
        try await call(.POST, path, headers: ["Idempotency-Key": Self.key], body: body.encode())
    }

    /// Changes a resource, unless it has been changed since `etag` was read.
    func change(
        _ method: HTTPMethod, _ path: String, _ body: JSON.JSONValue? = nil, etag: String
    ) async throws -> Reply {
        try await call(method, path, headers: ["If-Match": etag], body: body?.encode())
    }

    /// All elements of a list, from all its pages.
    func all(_ path: String, _ query: [(String, String?)] = []) async throws -> [JSON.JSONValue] {
        var items: [JSON.JSONValue] = []
        var after: String?
        repeat {
            let page = try await get(path, query + [("limit", "1000"), ("after", after)])
            items += page.json["items"]?.arrayValue ?? []
            after = page.json["next"]?.stringValue
        } while after != nil
        return items
    }

    func call(
        _ method: HTTPMethod, _ path: String, headers extra: HTTPHeaders = [:], body: [UInt8]? = nil,
        type: String = "application/json"
    ) async throws -> Reply {
        guard let url = HTTPURL(base + path) else { throw Failure(.usage, "'\(path.shown)' cannot stand in a URL") }
        var headers = extra
        headers.add(name: "Authorization", value: "Bearer \(token)")
        if body != nil { headers.add(name: "Content-Type", value: type) }
        let (status, bytes, etag) = try await exchange(method, url, headers, body)
        let limits = JSONLimits(maxBytes: 64 << 20, maxDepth: 64, maxValues: 8_000_000)
        let json = bytes.isEmpty ? JSON.JSONValue.null : (try? JSON.JSONValue.parse(bytes, limits: limits)) ?? .null
        guard (200..<300).contains(status) else { throw Failure(control: base, status: status, json) }
        return Reply(json: json, etag: etag)
    }

    private func exchange(
        _ method: HTTPMethod, _ url: HTTPURL, _ headers: HTTPHeaders, _ body: [UInt8]?
    ) async throws -> (status: UInt, bytes: [UInt8], etag: String?) {
        do {
            let answer = try await transport.request(
                method, url, headers: headers, body: body.map { HTTPRequestBody($0) }, deadline: .now() + Self.timeout)
            let bytes = try await transport.collect(answer, limit: 64 << 20, deadline: .now() + Self.timeout)
            return (answer.status.code, bytes, answer.headers.first(name: "ETag"))
        } catch {
            throw silence(error)
        }
    }

    private func silence(_ error: any Error) -> any Error {
        guard let error = error as? HTTPTransportError else { return error }
        if error == .cancelled { return CancellationError() }
        var advice = "Does 'swoop control' run there?"
        if case .notTrusted = error { advice = "Name who vouches for it with --ca: authority.pem in control's data." }
        return Failure(.failed, "no answer from control at \(base.shown): \(error)", advice: advice)
    }

    private static func text(_ query: [(String, String?)]) -> String {
        let pairs = query.compactMap { key, value in value.map { "\(key)=\(PercentEncoding.encode($0.utf8))" } }
        return pairs.isEmpty ? "" : "?" + pairs.joined(separator: "&")
    }

    private static var key: String {
        Hexadecimal.encode((0..<16).map { _ in UInt8.random(in: 0 ... .max) })
    }

    /// Encodes a text as one component of a path.
    static func part(_ text: String) -> String { PercentEncoding.encode(text.utf8) }
}

extension Failure {
    /// The failure for an error answer of control.
    init(control: String, status: UInt, _ problem: JSON.JSONValue) {
        let text = problem["detail"]?.stringValue ?? "control at \(control) answers with status \(status)"
        let code: ExitStatus =
            switch status {
            case 401, 403: .refused
            case 404: .notFound
            case 400, 422: .usage
            default: .failed
            }
        self.init(code, text.shown, advice: (problem["advice"]?.stringValue ?? "").shown)
    }
}

/// Members of the API's documents as texts for people.
extension JSON.JSONValue {
    func shown(_ key: String) -> String {
        switch self[key] {
        case .string(let text)?: text.shown
        case .integer(let number)?: "\(number)"
        case .double(let number)?: "\(number)"
        case .bool(let flag)?: flag ? "yes" : "no"
        case .array(let list)?: list.map(\.brief).joined(separator: ",").shown
        case .object(let object)?: Self.brief(object).shown
        case .null?, nil: "-"
        }
    }

    /// A value inside another one.
    private var brief: String {
        switch self {
        case .array(let list): "[" + list.map(\.brief).joined(separator: " ") + "]"
        case .object(let object): "(" + Self.brief(object) + ")"
        default: lenientText ?? ""
        }
    }

    /// Labels are keys without values.
    private static func brief(_ object: JSONObject) -> String {
        object.members.map { member in
            let value = member.value.brief
            return value.isEmpty || value == "[]" ? member.key : "\(member.key)=\(value)"
        }.joined(separator: ",")
    }

    /// A number of things: `1 node`, `3 nodes`.
    func count(_ key: String, _ thing: String) -> String {
        HumanText.plural(Int(clamping: self[key]?.lenientInteger ?? 0), thing)
    }

    /// A time without fractions of a second.
    func moment(_ key: String) -> String {
        guard let text = self[key]?.stringValue else { return "-" }
        return String(text.prefix(19)).replacing("T", with: " ").shown
    }
}

extension String {
    /// Each line cut to a number of columns.
    func cut(to width: Int) -> String {
        split(separator: "\n", omittingEmptySubsequences: false).map { line in
            let line = String(line)
            return line.columns <= width ? line : String(line.fitted(to: width))
        }.joined(separator: "\n")
    }
}

extension Reporter {
    /// Prints a document: as JSON with --json, else with a line for each member.
    func document(_ json: JSON.JSONValue) {
        guard !mode.json else { return raw(json) }
        let members = json.objectValue?.members ?? []
        let width = members.map(\.key.utf8.count).max() ?? 0
        for member in members {
            let name = member.key + String(repeating: " ", count: width - member.key.utf8.count)
            result("\(name.shown)  \(json.shown(member.key))")
        }
    }

    /// Prints a line of JSON for programs.
    /// - Parameter event: the kind of the line: `node`, `job`, or `reply` for the answer to a call.
    func raw(_ json: JSON.JSONValue, _ event: String = "reply") {
        var object = JSONObject(["event": .string(event)])
        for member in json.objectValue?.members ?? [] { object[member.key] = member.value }
        Terminal.write(JSON.JSONValue.object(object).text + "\n", to: 1)
    }

    /// Prints a list: with --json a line of JSON for each element, else a table.
    func list(
        _ items: [JSON.JSONValue], _ event: String, _ headings: [String], _ row: (JSON.JSONValue) -> [String]
    ) {
        guard !mode.json else {
            for item in items { raw(item, event) }
            return
        }
        let text = TextTable(headings: headings, rows: items.map(row)).text
        // A terminal would break long lines, and the columns with them; the first columns say the most.
        result(Terminal.isTerminal(1) ? text.cut(to: Terminal.width(1)) : text)
    }
}
