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
    authenticator: (any Authenticator)? = nil, isolation: isolated (any Actor)? = #isolation,
    _ body: (HTTPService) async throws -> Void
) async throws {
    let refuse: RefusalAnswer = { _, status, text in .text(text, status: status) }
    let table = sampleTable()
    let address = ListenAddress(host: listen, port: 0)
    let router = Router(context: ServiceContext.self)
    router.add(
        middleware: AccessMiddleware(
            RequestGuard(address: address), authenticator ?? BearerTokens { tokens }, setting: "token",
            open: table.openPaths,
            refuse: refuse))
    table.add(to: router, refuse: refuse)
    try await withServer(of: router.buildResponder(), certificates: certificates, at: address, body)
}

/// A server of anything on a free port of loopback.
func withServer(
    of responder: some HTTPResponder<ServiceContext>, certificates: Certificates? = nil,
    admission: Admission = Admission(), at address: ListenAddress = ListenAddress(host: "127.0.0.1", port: 0),
    limits: HTTPLimits = HTTPLimits(), isolation: isolated (any Actor)? = #isolation,
    _ body: (HTTPService) async throws -> Void
) async throws {
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    let service = try await HTTPService.start(
        responder, at: address, admission: admission, door: .api, limits: limits,
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

/// Certificates for localhost, as a person would make them.
enum TestCertificate {
    /// Writes a new certificate and its key, `chain.pem` and `key.pem`, over what was there, and the certificate under its
    /// name too.
    /// - Parameter options: more words for openssl.
    static func make(in place: String, name: String, _ options: [String] = []) async throws -> Certificates {
        let (chain, key) = (place + "/chain.pem", place + "/key.pem")
        let words =
            [
                "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                "-days", "2", "-subj", "/CN=\(name)", "-addext", "subjectAltName=DNS:localhost", "-keyout", key,
                "-out", chain,
            ] + options
        struct NotMade: Error {}
        guard try await Command.ending(words).status == 0 else { throw NotMade() }
        let copy = "\(place)/\(name).pem"
        try FileManager.default.copyItem(atPath: chain, toPath: copy)
        return try Certificates(TLSFiles(chain: chain, key: key))
    }
}
