// TestFS: a small HTTP file store, for trying out a back end.
//
// Purpose: serves the files of one directory at the URL paths of Kraken's testfs: `/files/PATH`, `/list/PREFIX`, `/health`.
// Must never: read or write outside of its directory; answer a POST before the file is durable; hold a file in memory.

import Address
import Admission
import Backends
import Files
import HTTPServing
import HTTPTypes
import Hummingbird
import JSON
import Logging
import NIOPosix
import Text
import Threads

/// The HTTP server of one directory.
package final class TestFSServer: Sendable {
    private let service: HTTPService
    package var address: ListenAddress { service.address }

    private init(_ service: HTTPService) { self.service = service }

    /// - Parameter isInsecure: whether any host may read and write; else only programs of this host may.
    package static func start(
        at address: ListenAddress, files: FileTree, isInsecure: Bool, admission: Admission,
        limits: HTTPLimits = HTTPLimits(), logger: Logger
    ) async throws(HTTPServiceError) -> TestFSServer {
        let calls = TestFSCalls(files: files, admission: admission, limits: limits)
        let router = Router(context: ServiceContext.self)
        let caller = Caller(name: "anybody", role: Role("admin"))
        let authenticator: any Authenticator = isInsecure ? Everybody(caller: caller) : BearerTokens { [] }
        router.add(
            middleware: AccessMiddleware(
                RequestGuard(address: address, local: caller), authenticator, setting: "tokens", open: ["/health"]
            ) { _, status, text in .text(text + "\n", status: status) })
        router.get("health") { _, _ in Response.text("OK") }
        for method in [HTTPRequest.Method.get, .head, .post] {
            router.on("files/**", method: method) { await calls.file($0, $1) }
        }
        router.get("list") { request, _ in await calls.list(request) }
        router.get("list/**") { request, _ in await calls.list(request) }
        return TestFSServer(
            try await HTTPService.start(
                router.buildResponder(), at: address, admission: admission, door: .api, limits: limits, logger: logger))
    }

    package func stop() async { await service.stop() }
}

/// Authenticates every request as the same caller.
private struct Everybody: Authenticator {
    let caller: Caller
    func authenticate(_ request: HTTPRequest, from origin: RequestOrigin) async -> Authentication { .caller(caller) }
}

/// The request handlers.
struct TestFSCalls: Sendable {
    let files: FileTree
    let admission: Admission
    let limits: HTTPLimits

    /// The file path in a request's URL path, after the prefix `door`; nil for one that is malformed or leads out of the
    /// directory. As in Kraken, a colon is a separator too: a tag `NAME:TAG` is the file `TAG` in the directory `NAME`.
    private static func path(_ whole: String, after door: String) -> BackendPath? {
        guard whole.hasPrefix(door), let text = PercentEncoding.decode(whole.dropFirst(door.count)) else { return nil }
        return BackendPath(String(text.map { $0 == ":" ? "/" : $0 }))
    }

    private static let badPath = Response.text("that path leads out of the directory\n", status: .badRequest)

    func file(_ request: Request, _ context: ServiceContext) async -> Response {
        guard let path = Self.path(request.uri.path, after: "/files/") else { return Self.badPath }
        guard let place = context.place(admission, at: .files) else {
            return Response(status: .tooManyRequests, headers: [.retryAfter: RequestPlace.retryAfter])
        }
        if request.method == .post { return await receive(request, path, place) }
        let (root, components) = (files.path, path.components)
        let file = await Threads.offload { ServedFile(root: root, components: components) }
        guard let file else { return .text("no such file\n", status: .notFound) }
        var headers: HTTPFields = [.contentType: "application/octet-stream"]
        // Kraken's clients read the file's size from this header.
        if let name = HTTPField.Name("Size") { headers[name] = "\(file.size)" }
        return FileAnswer(to: request.head, file: file, headers: headers)
            .response(in: context, within: limits, admission, holding: place)
    }

    private func receive(_ request: Request, _ path: BackendPath, _ place: Admission.RequestTicket) async -> Response {
        let files = files
        do {
            let file = try await NIOThreadPool.singleton.runIfActive { try files.replacement(for: path) }
            for try await part in request.body {
                try await NIOThreadPool.singleton.runIfActive {
                    try part.withUnsafeReadableBytes { bytes throws(SystemError) in try file.append(bytes) }
                }
                place.progressed(now: Clocks.steadySeconds)
            }
            try await NIOThreadPool.singleton.runIfActive { try file.commit() }
            return Response(status: .ok)
        } catch let error as SystemError {
            return .text("the file was not stored: \(error)\n", status: Self.status(error))
        } catch {
            return .text("the body ended early: nothing was stored\n", status: .badRequest)
        }
    }

    private static func status(_ error: SystemError) -> HTTPResponse.Status {
        switch error.number {
        case SystemError.full, SystemError.quota: HTTPResponse.Status(code: 507)
        case SystemError.isDirectory, SystemError.notDirectory, SystemError.nameTooLong: .badRequest
        default: .internalServerError
        }
    }

    /// Answers with a JSON array of the paths of all files below a directory.
    func list(_ request: Request) async -> Response {
        let door = "/list/"
        var directory: BackendPath?
        if request.uri.path.count > door.count {
            // Kraken's clients may leave a slash at the end.
            var text = request.uri.path
            if text.hasSuffix("/") { text.removeLast() }
            guard let path = Self.path(text, after: door) else { return Self.badPath }
            directory = path
        }
        let (files, below) = (files, directory)
        do {
            let paths = try await Threads.offload { () throws(SystemError) in
                var paths: [JSONValue] = []
                try files.forEach(below: below) { paths.append(.string($0)) }
                return paths
            }
            return .json(.array(paths))
        } catch {
            return .text("the directory cannot be read: \(error)\n", status: .internalServerError)
        }
    }
}
