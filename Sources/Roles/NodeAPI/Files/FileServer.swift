import Admission
import HTTPServing
import HTTPTypes
import Hummingbird
import NIOCore
import Text

/// Serves the stored content under `/dcp/`, with ranges, to receivers, web seeds and the CDN. Read-only, without
/// directory listings or unfinished content.
struct FileServer: HTTPResponder {
    typealias Context = ServiceContext

    /// `basedatapath`.
    let root: @Sendable () -> String
    let limits: NodeAPILimits
    let admission: Admission
    let counters: RequestCounters

    func respond(to request: Request, context: Context) async throws -> Response {
        let response = RequestPlace(admission, at: .files).map { answer(request.head, $0) } ?? busy
        counters.count("www", status: response.status.code)
        return response
    }

    private var busy: Response { refuse(.serviceUnavailable, [.retryAfter: RequestPlace.retryAfter]) }

    private func answer(_ head: HTTPRequest, _ place: RequestPlace) -> Response {
        guard head.method == .get || head.method == .head else {
            return refuse(.methodNotAllowed, [.allow: "GET, HEAD"])
        }
        guard let path = ServedPath(target: head.path ?? ""), let file = ServedFile(root: root(), path: path) else {
            return refuse(.notFound)
        }
        var headers: HTTPFields = [
            .acceptRanges: "bytes", .eTag: file.tag,
            .lastModified: HTTPDate.text(seconds: file.modified / 1_000_000_000),
            .contentType: Self.type(of: path), .cacheControl: Self.caching(of: path),
        ]
        if let name = HTTPField.Name("X-Content-Type-Options") { headers[name] = "nosniff" }
        let asked = head.headerFields
        if isUnchanged(asked, file) { return Response(status: .notModified, headers: headers) }
        // A range of another version of the file is useless: send the whole current file instead.
        let isRangeWanted = asked[.ifRange].map { $0 == file.tag || $0 == headers[.lastModified] } ?? true
        let range = isRangeWanted ? ByteRange(header: asked[.range], size: file.size) : .whole
        switch range {
        case .unsatisfiable:
            return refuse(.rangeNotSatisfiable, [.contentRange: "bytes */\(file.size)"])
        case .whole:
            return body(of: file, 0..<file.size, .ok, headers, head.method == .head ? nil : place)
        case .part(let part):
            headers[.contentRange] = "bytes \(part.lowerBound)-\(part.upperBound - 1)/\(file.size)"
            return body(of: file, part, .partialContent, headers, head.method == .head ? nil : place)
        }
    }

    private func isUnchanged(_ asked: HTTPFields, _ file: ServedFile) -> Bool {
        if let tags = asked[.ifNoneMatch] {
            return tags == "*" || tags.split(separator: ",").contains { $0.filter { $0 != " " } == file.tag }
        }
        return asked[.ifModifiedSince].map { $0 == HTTPDate.text(seconds: file.modified / 1_000_000_000) } ?? false
    }

    private func body(
        of file: ServedFile, _ range: Range<Int64>, _ status: HTTPResponse.Status, _ headers: HTTPFields,
        _ place: RequestPlace?
    ) -> Response {
        let length = Int(range.upperBound - range.lowerBound)
        guard let place, length > 0 else {
            var headers = headers
            headers[.contentLength] = "\(length)"
            return Response(status: status, headers: headers)
        }
        let (limits, admission) = (limits, admission)
        return Response(
            status: status, headers: headers,
            body: ResponseBody(contentLength: length) { writer in
                // The request counts until the last byte is sent.
                defer { withExtendedLifetime(place) {} }
                var waiting = UnsentBytes(admission)
                var position = range.lowerBound
                while position < range.upperBound {
                    let left = range.upperBound - position
                    let isRoom = waiting.reserve(Int(min(left, Int64(limits.fileChunk))))
                    let count = Int(min(Int64(isRoom ? limits.fileChunk : limits.smallFileChunk), left))
                    // Returns when most of the earlier data has been sent.
                    try await writer.write(try await file.read(at: position, count: count))
                    waiting.wasTaken()
                    position += Int64(count)
                }
                try await writer.finish(nil)
            })
    }

    private func refuse(_ status: HTTPResponse.Status, _ headers: HTTPFields = [:]) -> Response {
        var headers = headers
        headers[.contentType] = "text/plain; charset=utf-8"
        return Response(
            status: status, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(string: "\(status.code)\n")))
    }

    /// Torrents are made anew under the same name, so caches must revalidate them soon. Content never changes under its
    /// name; its cache time is set in the CDN.
    private static func caching(of path: ServedPath) -> String {
        isTorrent(path) ? "public, max-age=180" : "public, no-transform"
    }

    private static func type(of path: ServedPath) -> String {
        isTorrent(path) ? "application/x-bittorrent" : "application/octet-stream"
    }

    private static func isTorrent(_ path: ServedPath) -> Bool {
        path.components.last?.suffix(8).elementsEqual(".torrent".utf8) ?? false
    }
}
