import Admission
import HTTPServing
import HTTPTypes
import Hummingbird
import NIOCore
import Node
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
    let hidden = HiddenFiles()

    func respond(to request: Request, context: Context) async throws -> Response {
        let response: Response =
            if let place = context.place(admission, at: .files) {
                await answer(request.head, context, place)
            } else { busy }
        counters.count("www", status: response.status.code)
        return response
    }

    private var busy: Response { .bare(.serviceUnavailable, [.retryAfter: RequestPlace.retryAfter]) }

    private func answer(
        _ head: HTTPRequest, _ context: ServiceContext, _ place: Admission.RequestTicket
    ) async -> Response {
        guard head.method == .get || head.method == .head else {
            return .bare(.methodNotAllowed, [.allow: "GET, HEAD"])
        }
        guard let path = ServedPath(target: head.path ?? ""), await isOfContent(path),
            let file = ServedFile(root: root(), components: path.components)
        else { return .bare(.notFound) }
        let answer = FileAnswer(
            to: head, file: file, headers: [.contentType: Self.type(of: path), .cacheControl: Self.caching(of: path)])
        return answer.response(in: context, within: limits.http, admission, holding: place)
    }

    /// Whether hidden names in a path are those of published content: its torrent, which lies beside it, has the file.
    private func isOfContent(_ path: ServedPath) async -> Bool {
        let (roots, base) = (path.contentRoots, root())
        for root in roots {
            var torrent = root
            torrent[root.count - 1] += Array(".torrent".utf8)
            guard let file = ServedFile(root: base, components: torrent), file.size <= HiddenFiles.mostBytes else {
                continue
            }
            let isMember = await hidden.contain(
                Array(path.components.dropFirst(root.count)),
                torrent: base + "/" + torrent.map { PercentEncoding.encode($0) }.joined(separator: "/"), tag: file.tag
            ) {
                (try? await file.read(at: 0, count: Int(file.size))).map { Array($0.readableBytesView) }
            }
            if isMember { return true }
        }
        return roots.isEmpty
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
