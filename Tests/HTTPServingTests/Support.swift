import Address
import Admission
import Foundation
import HTTPServing
import HTTPTypes
import Hummingbird
import JSON
import Logging
import TestSupport

/// A connection to a port of loopback. Blocks; whatever is read is waited for at most ten seconds.
func dial(_ port: Int) throws -> Int32 { try Loopback.connect(to: UInt16(port), patience: 10) }

func say(_ file: Int32, _ text: String) { Loopback.send(file, Array(text.utf8)) }

/// What comes next: empty when the connection was closed, `nothing` when it is open and silent.
func hear(_ file: Int32) -> String {
    Loopback.receive(file, most: 4096).map { String(decoding: $0, as: UTF8.self) } ?? (errno == EAGAIN ? "nothing" : "")
}

/// Four routes: one for everybody and one for each role. Each answers with the name of who asks.
func sampleTable() -> RouteTable {
    func route(_ path: String, _ access: Route.Access, _ method: HTTPRequest.Method = .get) -> Route {
        Route(method, path, "what \(path) does", parameters: path.contains("{") ? ["name"] : [], access: access) {
            _, context in
            .text("\(context.caller?.name ?? "nobody") \(context.parameters.get("name") ?? "")")
        }
    }
    return RouteTable(
        title: "Sample", description: "A sample.", tokenText: "any", schemas: ["Thing": ["type": "object"]],
        parameters: ["name": ["name": "name", "in": "path"]],
        routes: [
            route("/open", .open), route("/things/{name}", .role(.read)),
            route("/things/{name}", .role(.operate), .delete), route("/settings", .role(.administer), .put),
        ])
}

/// A server of that table on a free port of loopback.
func withServer(
    certificates: Certificates? = nil, tokens: [BearerTokens.Token] = [], listen: String = "127.0.0.1",
    isolation: isolated (any Actor)? = #isolation, _ body: (HTTPService) async throws -> Void
) async throws {
    let refuse: RefusalAnswer = { _, status, text in .text(text, status: status) }
    let table = sampleTable()
    let address = ListenAddress(host: listen, port: 0)
    let router = Router(context: ServiceContext.self)
    router.add(
        middleware: AccessMiddleware(
            RequestGuard(address: address), BearerTokens { tokens }, setting: "token", open: table.openPaths,
            refuse: refuse))
    table.add(to: router, refuse: refuse)
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    let service = try await HTTPService.start(
        router.buildResponder(), at: address, admission: Admission(), door: .api, limits: HTTPLimits(),
        certificates: certificates, logger: logger)
    do { try await body(service) } catch {
        await service.stop()
        throw error
    }
    await service.stop()
}

extension HTTPService {
    /// What curl gets: the status, 0 for no answer, and the text.
    func curl(_ path: String, _ options: String..., scheme: String = "http") async throws -> (status: Int, text: String)
    {
        let words = [
            "curl", "-s", "-m", "10", "-w", "\n%{http_code}", "--resolve", "localhost:\(address.port):127.0.0.1",
        ]
        let command = try await Command.ending(words + options + ["\(scheme)://localhost:\(address.port)\(path)"])
        let lines = command.output.split(separator: "\n", omittingEmptySubsequences: false)
        return (Int(lines.last ?? "") ?? -1, lines.dropLast().joined(separator: "\n"))
    }
}
