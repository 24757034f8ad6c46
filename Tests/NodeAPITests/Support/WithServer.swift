import Address
import BFT
import Foundation
import Logging
import NodeAPI
import Policy

/// Servers of a node on free loopback ports, stopped at the end of `body`.
func withServer(
    _ node: SmallNode = SmallNode(), content: String? = nil, isolation: isolated (any Actor)? = #isolation,
    _ body: (NodeAPIServer) async throws -> Void
) async throws {
    try await withServer(node, content: content, { _ in }, body)
}

/// The same with other settings.
func withServer(
    _ node: SmallNode = SmallNode(), content: String? = nil, isolation: isolated (any Actor)? = #isolation,
    _ change: (inout NodeAPIServer.Settings) -> Void, _ body: (NodeAPIServer) async throws -> Void
) async throws {
    var settings = NodeAPIServer.Settings(
        listen: ListenAddress(host: "127.0.0.1", port: 0),
        www: content == nil ? nil : ListenAddress(host: "127.0.0.1", port: 0), content: { content ?? "/nowhere" })
    change(&settings)
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    let server = try await NodeAPIServer.start(node, settings: settings, logger: logger)
    do {
        try await body(server)
    } catch {
        await server.stop()
        throw error
    }
    await server.stop()
}

extension NodeAPIServer {
    func get(_ path: String, headers: [String] = [], host: String? = nil) async throws -> Answer {
        try await HTTPTalk.request(address.port, "GET", path, headers: headers, host: host)
    }

    func post(_ path: String, _ body: String, headers: [String] = [], host: String? = nil) async throws -> Answer {
        try await HTTPTalk.request(address.port, "POST", path, headers: headers, body: body, host: host)
    }

    func www(_ method: String, _ path: String, headers: [String] = []) async throws -> Answer {
        try await HTTPTalk.request(wwwAddress?.port ?? 0, method, path, headers: headers)
    }
}

/// A call in its envelope.
func envelope(_ method: String, _ params: String, id: String = "\"321\"") -> String {
    """
    {"message_id":\(id),"message_type":"request","message_source":"tms","method_name":"\(method)",\
    "method_params":\(params)}
    """
}
