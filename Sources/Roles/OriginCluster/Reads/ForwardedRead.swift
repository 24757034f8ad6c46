import HTTPServing
import HTTPTransport
import HTTPTypes
import Hummingbird
import NIOCore
import NIOHTTP1
import Registry
import Text

/// A read of a blob that another origin has. Its bytes are forwarded as they arrive. If that origin fails, another one
/// sends the rest.
struct ForwardedRead: Sendable {
    let wish: BlobReads.Wish
    let host: String
    /// Origins to read the rest from, in this order.
    let others: [String]
    let peers: OriginPeers

    enum Outcome: Sendable {
        case answer(Response)
        /// Another status, with the response's body.
        case other(Int, [UInt8])
        case silent
    }

    private static let asked: [HTTPField.Name] = [.range, .ifRange, .ifNoneMatch, .ifMatch]
    private static let said: [HTTPField.Name] = [.contentRange, .acceptRanges, .eTag, .lastModified]

    /// Opens the read at ``host``.
    /// - Parameter query: begins with `?`, or is empty.
    func begin(query: String) async -> Outcome {
        var headers: HTTPHeaders = [:]
        for name in Self.asked {
            if let value = wish.head.headerFields[name] { headers.add(name: name.rawName, value: value) }
        }
        let method: HTTPMethod = wish.head.method == .head ? .HEAD : .GET
        let answer: HTTPAnswer
        do throws(PeerProblem) {
            answer = try await peers.open(
                wish.digest, at: host, method: method, headers: headers, query: query,
                within: query.isEmpty ? 10 : wish.patience + 30)
        } catch {
            return .silent
        }
        let status = Int(answer.status.code)
        guard [200, 206, 304, 416].contains(status) else { return .other(status, await peers.text(of: answer)) }
        var fields = wish.headers
        for name in Self.said {
            if let value = answer.headers.first(name: name.rawName) { fields[name] = value }
        }
        let length = answer.headers.first(name: "content-length").flatMap { Int64($0) }
        if let length { fields[.contentLength] = "\(length)" }
        let code = HTTPResponse.Status(code: status)
        guard method == .GET, status == 200 || status == 206, let length, length > 0 else {
            _ = await peers.text(of: answer)
            return .answer(Response(status: code, headers: fields))
        }
        guard let start = status == 200 ? 0 : Self.start(answer), let count = Int(exactly: length),
            BlobSize.isPossible(start), BlobSize.isPossible(length)
        else {
            return .silent
        }
        let range = start..<(start + length)
        let body = ResponseBody(contentLength: count) { writer in
            try await send(answer, range, to: &writer)
            try await writer.finish(nil)
        }
        return .answer(Response(status: code, headers: fields, body: body))
    }

    private static func start(_ answer: HTTPAnswer) -> Int64? {
        let text = answer.headers.first(name: "content-range") ?? ""
        guard text.hasPrefix("bytes ") else { return nil }
        return text.dropFirst(6).split(separator: "-").first.flatMap { Int64($0) }
    }

    private func send(
        _ first: HTTPAnswer, _ range: Range<Int64>, to writer: inout any ResponseBodyWriter
    ) async throws {
        var (position, answer, left) = (range.lowerBound, first as HTTPAnswer?, others[...])
        while position < range.upperBound {
            if let current = answer {
                var parts = current.body.makeAsyncIterator()
                while let part = try? await parts.next() {
                    guard Int64(part.readableBytes) <= range.upperBound - position else { throw BrokeOff() }
                    try await writer.write(part)
                    position += Int64(part.readableBytes)
                }
            }
            guard position < range.upperBound else { return }
            try Task.checkCancellation()
            guard let next = left.popFirst() else { throw BrokeOff() }
            answer = try? await peers.open(
                wish.digest, at: next, method: .GET,
                headers: ["Range": "bytes=\(position)-\(range.upperBound - 1)"], query: "", within: 10)
            if let opened = answer, opened.status != .partialContent || Self.start(opened) != position { answer = nil }
        }
    }

    private struct BrokeOff: Error, CustomStringConvertible {
        var description: String { "no origin gives the rest of the blob" }
    }
}
