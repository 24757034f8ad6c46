import HTTPTransport
import NIOCore
import NIOHTTP1
import Text

/// A client of a node's HTTP API.
struct NodeClient: Sendable {
    /// The reply to a call.
    struct Reply: Sendable {
        let method: String
        let succeeded: Bool
        let content: ReplyValue

        var desc: String { content["desc"]?.text ?? "" }
        var status: String { content["status"]?.text ?? "" }

        /// The JSON line for scripts.
        var json: JSONValue {
            .object([
                ("event", .string("reply")), ("method", .string(method)), ("succeeded", .bool(succeeded)),
                ("content", content.json),
            ])
        }
    }

    /// recv replies when the torrent has been loaded, which may take as long as the node allows.
    static let timeout = TimeAmount.seconds(150)
    static let largestReply = 64 << 20

    /// `http://HOST:PORT`, without a slash at the end.
    let base: String
    private let token: String?
    private let transport: HTTPTransport

    /// - Parameter base: a URL, or a host with or without a port.
    init(_ base: String, token: String?) throws {
        let full = base.contains("://") ? base : "http://" + Self.withPort(base)
        guard HTTPURL(full) != nil else {
            throw Failure(.usage, "'\(base.shown)' is no address of a node", advice: "Write http://HOST:8191 or HOST.")
        }
        self.base = full.hasSuffix("/") ? String(full.dropLast()) : full
        self.token = token
        transport = HTTPTransport(settings: HTTPTransportSettings())
    }

    func shutdown() async { await transport.shutdown() }

    /// Makes a call and returns the node's reply, whether or not the call succeeded.
    func call(_ method: String, path: String? = nil, _ params: [(String, JSONValue)]) async throws -> Reply {
        let envelope = JSONValue.object([
            ("message_id", .string("1")), ("message_type", .string("request")), ("message_source", .string("swoop")),
            ("method_name", .string(method)), ("method_params", .object(params)),
        ])
        let (status, bytes) = try await exchange(.POST, "/\(path ?? method)", body: Array(envelope.text.utf8))
        guard let reply = ReplyValue.parse(bytes), let content = reply["return_content"] else {
            throw refusal(status, bytes)
        }
        guard status == 200 else { throw refusal(status, bytes) }
        return Reply(method: method, succeeded: reply["return_status"]?.text == "true", content: content)
    }

    /// Makes a call that must succeed.
    func mustCall(_ method: String, _ params: [(String, JSONValue)]) async throws -> Reply {
        let reply = try await call(method, params)
        guard reply.succeeded else { throw reply.failure }
        return reply
    }

    /// GETs a path; throws for any status other than 200.
    func get(_ path: String) async throws -> [UInt8] {
        let (status, bytes) = try await exchange(.GET, path, body: nil)
        guard status == 200 else { throw refusal(status, bytes) }
        return bytes
    }

    private func exchange(_ method: HTTPMethod, _ path: String, body: [UInt8]?) async throws -> (UInt, [UInt8]) {
        guard let url = HTTPURL(base + path) else { throw Failure(.usage, "'\(path.shown)' cannot stand in a URL") }
        var headers: HTTPHeaders = body == nil ? [:] : ["Content-Type": "application/json"]
        if let token { headers.add(name: "Authorization", value: "Bearer \(token)") }
        do {
            let answer = try await transport.request(
                method, url, headers: headers, body: body.map { HTTPRequestBody($0) }, deadline: .now() + Self.timeout)
            let bytes = try await transport.collect(answer, limit: Self.largestReply, deadline: .now() + Self.timeout)
            return (answer.status.code, bytes)
        } catch {
            throw silence(error)
        }
    }

    private func silence(_ error: any Error) -> any Error {
        guard let error = error as? HTTPTransportError else { return error }
        if error == .cancelled { return CancellationError() }
        return Failure(
            .failed, "no answer from the node at \(base): \(error)", advice: "Does 'swoop node' run there?")
    }

    private func refusal(_ status: UInt, _ bytes: [UInt8]) -> Failure {
        let value = ReplyValue.parse(bytes)
        let said = (value?["return_content"]?["desc"] ?? value?["desc"])?.text ?? ""
        let text = "the node at \(base) answers with status \(status)" + (said.isEmpty ? "" : ": \(said.shown)")
        return switch status {
        case 401, 403: Failure(.refused, text, advice: "Is the token right? Give it with --token-file.")
        case 404: Failure(.notFound, text)
        default: Failure(.failed, text)
        }
    }

    /// Adds the default port of the API if there is none.
    private static func withPort(_ host: String) -> String {
        let end = host.lastIndex(of: "]").map { host[host.index(after: $0)...] } ?? host[...]
        return end.contains(":") ? host : "\(host):8191"
    }
}

extension NodeClient.Reply {
    /// The reply as an error of the command.
    var failure: Failure {
        let text = desc.isEmpty ? "the node refuses \(method)" : desc.shown
        let isUnknown = ["not found", "no such file", "not exist"].contains { desc.contains($0) }
        return Failure(isUnknown || status == "unknown" ? .notFound : .failed, text)
    }
}
