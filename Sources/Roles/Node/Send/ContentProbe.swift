import BFT
import HTTPTransport
import NIOCore
import NIOHTTP1
import Text

/// Requests one byte of a file from a CDN that should serve it. A directory proves nothing, and a file of another size
/// is not the one that receivers need.
struct ContentProbe: Sendable {
    let task: TaskFile
    let transport: HTTPTransport

    /// Nil if the file is available, else the reason.
    func run() async -> String? {
        let entries = Dictionary(task.fileList.map { ($0.path, $0) }) { first, _ in first }
        let candidates = task.lists.cdn.compactMap { entries[$0] }
        // An empty file has no byte to request.
        let chosen = (candidates.isEmpty ? task.fileList : candidates).max { $0.size < $1.size }
        guard let file = chosen, file.size > 0 else { return nil }
        let path = task.type == .file ? "" : "/" + NodePaths.percentEncoded(file.file)
        guard let url = HTTPURL(task.cdn.url + path) else { return "cdn.url is no http or https URL" }
        do throws(HTTPTransportError) {
            let deadline = NIODeadline.now() + .seconds(30)
            let answer = try await transport.get(url, headers: ["Range": "bytes=0-0"], deadline: deadline)
            switch answer.status.code {
            case 206:
                let range = answer.headers.first(name: "content-range") ?? ""
                let total = range.split(separator: "/").last.flatMap { Int64($0.trimmed) }
                _ = try? await transport.collect(answer, limit: 1024, deadline: deadline)
                guard range.hasPrefix("bytes 0-0/"), total == file.size else {
                    return "\(answer.host) has \(file.file) with another size"
                }
                return nil
            case 200:
                // The server does not support ranges, but reports the size. The body is not read.
                guard answer.headers.first(name: "content-length").flatMap({ Int64($0) }) == file.size else {
                    return "\(answer.host) has \(file.file) with another size"
                }
                return nil
            default: return "\(answer.host) answers with status \(answer.status.code)"
            }
        } catch {
            return error.description
        }
    }
}

extension Substring {
    fileprivate var trimmed: String { String(self).trimmed }
}
