import Files
import HTTPTransport
import JSON
import NIOCore
import NIOHTTP1
import Text

/// A back end that is a `swoop testfs`, or Kraken's testfs.
package struct TestFSStore: BackendStore {
    private let base: HTTPURL
    private let http: HTTPExchange

    /// The most bytes of a list of paths.
    private static let mostListBytes = 64 << 20

    /// - Parameter base: the server's URL, without a path.
    package init(_ base: HTTPURL) {
        self.base = base
        http = HTTPExchange(server: "http://\(base.authority)")
    }

    package var isWritable: Bool { true }
    package var description: String { "testfs \(http.server)" }

    private func url(_ door: String, _ path: BackendPath?) throws(BackendProblem) -> HTTPURL {
        guard let url = base.appending([Array(door.utf8)] + (path?.components ?? [[]])) else {
            throw BackendProblem(.unsupported, "a path is too long for \(self)")
        }
        return url
    }

    package func size(of path: BackendPath) async throws(BackendProblem) -> Int64? {
        let answer = try await http.send(.HEAD, try url("files", path))
        guard answer.status.code == 200 else {
            let problem = await http.refusal(answer, path: path.text)
            if problem.kind == .missing { return nil }
            throw problem
        }
        await http.drain(answer)
        // Kraken's testfs answers HEAD with the size in its own header `Size`.
        let own = answer.headers.first(name: "size").flatMap { Int64($0) }
        guard let size = own ?? HTTPExchange.size(answer), size >= 0 else {
            throw BackendProblem(.wrong, "\(self) does not say how long \(path) is")
        }
        return size
    }

    package nonisolated(nonsending) func read(
        _ path: BackendPath, size: Int64, range: Range<Int64>, into sink: BackendSink
    ) async throws(BackendProblem) {
        try await http.read(try url("files", path), path: path.text, size: size, range: range, into: sink)
    }

    package func upload(file: String, to path: BackendPath) async throws(BackendProblem) {
        let parts = try await FileParts.open(file)
        let answer = try await http.send(
            .POST, try url("files", path), body: HTTPRequestBody(parts, length: parts.length))
        guard (200..<300).contains(answer.status.code) else { throw await http.refusal(answer, path: path.text) }
        await http.drain(answer)
    }

    package func list(
        below directory: BackendPath?, _ body: ([String]) async -> Void
    ) async throws(BackendProblem) {
        let answer = try await http.send(.GET, try url("list", directory))
        guard answer.status.code == 200 else {
            let problem = await http.refusal(answer, path: directory?.text ?? "")
            if problem.kind == .missing { return }
            throw problem
        }
        let bytes = try await http.collect(answer, limit: Self.mostListBytes)
        let limits = JSONLimits(maxBytes: Self.mostListBytes, maxDepth: 4, maxValues: 4_000_000)
        guard let list = try? JSONValue.parse(bytes, limits: limits) else {
            throw BackendProblem(.wrong, "\(self) sends a list that is no JSON")
        }
        await body((list.arrayValue ?? []).compactMap(\.stringValue).filter { BackendPath($0) != nil })
    }

    package func shutdown() async { await http.transport.shutdown() }
}
