import Address
import Admission
import Foundation
import HTTPTypes
import Hummingbird
import JSON
import Logging

@testable import HTTPServing

/// A directory that goes away with this object.
final class TemporaryDirectory: Sendable {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "swoop-serving-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}

/// Runs a program of the system to its end, on a thread of its own.
func run(_ words: [String]) async throws -> (status: Int32, text: String) {
    try await withCheckedThrowingContinuation { continuation in
        Thread.detachNewThread {
            let process = Process()
            process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
            process.arguments = words
            let pipe = Pipe()
            process.standardOutput = pipe
            process.standardError = FileHandle.nullDevice
            do {
                try process.run()
                let bytes = pipe.fileHandleForReading.readDataToEndOfFile()
                process.waitUntilExit()
                continuation.resume(returning: (process.terminationStatus, String(decoding: bytes, as: UTF8.self)))
            } catch {
                continuation.resume(throwing: error)
            }
        }
    }
}

/// Runs what blocks on a thread of its own.
func onThread<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
        Thread.detachNewThread { continuation.resume(with: Result(catching: body)) }
    }
}

/// A connection to a port of loopback. Blocks; whatever is read is waited for at most ten seconds.
func dial(_ port: Int) throws -> Int32 {
    let file = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var limit = timeval(tv_sec: 10, tv_usec: 0)
    setsockopt(file, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    let result = withUnsafeBytes(of: &address) {
        connect(file, $0.baseAddress!.assumingMemoryBound(to: sockaddr.self), socklen_t($0.count))
    }
    guard result == 0 else {
        let code = POSIXErrorCode(rawValue: errno) ?? .EIO
        close(file)
        throw POSIXError(code)
    }
    return file
}

func say(_ file: Int32, _ text: String) {
    _ = text.withCString { send(file, $0, strlen($0), Int32(MSG_NOSIGNAL)) }
}

/// What comes next: empty when the connection was closed, `nothing` when it is open and silent.
func hear(_ file: Int32) -> String {
    var bytes = [UInt8](repeating: 0, count: 4096)
    let count = recv(file, &bytes, bytes.count, 0)
    return count < 0 && errno == EAGAIN ? "nothing" : String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
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
        let output = try await run(words + options + ["\(scheme)://localhost:\(address.port)\(path)"])
        let lines = output.text.split(separator: "\n", omittingEmptySubsequences: false)
        return (Int(lines.last ?? "") ?? -1, lines.dropLast().joined(separator: "\n"))
    }
}
