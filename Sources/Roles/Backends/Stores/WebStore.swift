import HTTPTransport
import Hashing
import NIOCore
import NIOHTTP1
import Text

/// A back end that is a read-only web server: Kraken's `http`.
package struct WebStore: BackendStore {
    /// The URL before and after the file's path.
    private let parts: (String, String)
    private let http: HTTPExchange

    /// - Parameter pattern: a URL with one `%s`, which the path of a file replaces. Without `%s`, the path is appended.
    package init(pattern: String) throws(BackendAddressProblem) {
        let pattern = pattern.contains("%s") ? pattern : pattern + (pattern.hasSuffix("/") ? "%s" : "/%s")
        let pieces = pattern.split(separator: "%s", omittingEmptySubsequences: false).map(String.init)
        guard pieces.count == 2, let url = HTTPURL(pieces[0] + "x" + pieces[1]) else {
            throw .malformed("a web server's files are written http://HOST/…%s…, with one %s for the name")
        }
        parts = (pieces[0], pieces[1])
        http = HTTPExchange(server: "\(url.isSecure ? "https" : "http")://\(url.authority)")
    }

    package var isWritable: Bool { false }
    /// Two patterns of one server are two back ends. A query may be a signature, and is told by its digest alone.
    package var description: String {
        let pattern = parts.0 + "%s" + parts.1
        guard let query = pattern.firstIndex(of: "?") else { return "http \(pattern)" }
        return "http \(pattern[..<query])?…\(SHA256.digest(Array(pattern.utf8)).hex.prefix(16))"
    }

    private func url(_ path: BackendPath) throws(BackendProblem) -> HTTPURL {
        let encoded = PercentEncoding.encode(path.text.utf8, keeping: "/")
        guard let url = HTTPURL(parts.0 + encoded + parts.1) else {
            throw BackendProblem(.unsupported, "a path is too long for \(self)")
        }
        return url
    }

    package func size(of path: BackendPath) async throws(BackendProblem) -> Int64? {
        let url = try url(path)
        var answer = try await http.send(.HEAD, url)
        if [403, 405, 501].contains(answer.status.code) {
            // Some servers refuse HEAD, and so do URLs that are signed for GET.
            await http.drain(answer)
            answer = try await http.send(.GET, url, headers: ["range": "bytes=0-0"])
        }
        guard [200, 206].contains(answer.status.code) else {
            let problem = await http.refusal(answer, path: path.text)
            if problem.kind == .missing { return nil }
            throw problem
        }
        let size = HTTPExchange.size(answer)
        await http.drain(answer)
        guard let size else { throw BackendProblem(.wrong, "\(self) does not say how long \(path) is") }
        return size
    }

    package nonisolated(nonsending) func read(
        _ path: BackendPath, size: Int64, range: Range<Int64>, into sink: BackendSink
    ) async throws(BackendProblem) {
        try await http.read(try url(path), path: path.text, size: size, range: range, into: sink)
    }

    package func upload(file: String, to path: BackendPath) async throws(BackendProblem) {
        throw BackendProblem(.unsupported, "\(self) is only read")
    }

    package func list(
        below directory: BackendPath?, _ body: ([String]) async -> Void
    ) async throws(BackendProblem) {
        throw BackendProblem(.unsupported, "\(self) has no lists")
    }

    package func shutdown() async { await http.transport.shutdown() }
}
