import Admission
import BlobNode
import HTTPServing
import HTTPTypes
import Hummingbird
import NIOCore
import Registry
import Threads

/// Answers requests for blobs: from the cache, or else by sending the first bytes while the rest still arrives.
struct BlobAnswer: Sendable {
    let agent: Agent
    let admission: Admission
    let limits: HTTPLimits

    /// - Parameter headers: header fields of the response that describe the blob.
    /// - Returns: nil if the blob has left the cache in the meantime.
    func response(
        _ blob: ResolvedContent.Blob, of name: ContentName, to head: HTTPRequest, headers: HTTPFields,
        in context: ServiceContext
    ) async throws(AgentError) -> Response? {
        if let response = await cached(blob.digest, head, headers, context) { return response }
        let tag = Self.tag(blob.digest)
        var headers = headers
        headers[.acceptRanges] = "bytes"
        headers[.eTag] = tag
        let (range, status): (Range<Int64>, HTTPResponse.Status)
        switch WantedPart(head.headerFields, tag: tag, modified: nil, size: blob.size) {
        case .unchanged: return Response(status: .notModified, headers: headers)
        case .unsatisfiable: return .bare(.rangeNotSatisfiable, [.contentRange: "bytes */\(blob.size)"])
        case .whole: (range, status) = (0..<blob.size, .ok)
        case .part(let part):
            (range, status) = (part, .partialContent)
            headers[.contentRange] = "bytes \(part.lowerBound)-\(part.upperBound - 1)/\(blob.size)"
        }
        // The size is known already: a HEAD request fetches nothing.
        if head.method == .head {
            headers[.contentLength] = "\(range.count)"
            return Response(status: status, headers: headers)
        }
        guard let reading = try await agent.read(blob, of: name, range) else {
            return await cached(blob.digest, head, headers, context)
        }
        guard let place = context.place(admission, at: .files) else { return Self.tooMany }
        let body = ArrivingBody(reading: reading, range: range, chunk: limits.fileChunk, place: place)
        return Response(status: status, headers: headers, body: body.sent)
    }

    private static func tag(_ digest: BlobDigest) -> String { "\"\(digest)\"" }

    private static var tooMany: Response {
        Response(status: .tooManyRequests, headers: [.retryAfter: RequestPlace.retryAfter])
    }

    /// Nil for a blob that is not in the cache. A cached blob cannot be removed before the last byte has been sent.
    func cached(
        _ digest: BlobDigest, _ head: HTTPRequest, _ headers: HTTPFields, _ context: ServiceContext
    ) async -> Response? {
        guard let (_, lease) = agent.node.catalogue.lease(digest.sha256, at: Clocks.wallSeconds) else { return nil }
        let file = await agent.node.directory.served(digest)
        guard let file else { return nil }
        guard let place = context.place(admission, at: .files) else { return Self.tooMany }
        var response = FileAnswer(to: head, file: file, headers: headers, tag: Self.tag(digest))
            .response(in: context, within: limits, admission, holding: place)
        let body = response.body
        guard let length = body.contentLength, length > 0 else { return response }
        response.body = ResponseBody(contentLength: length) { writer in
            defer { withExtendedLifetime(lease) {} }
            try await body.write(writer)
        }
        return response
    }
}

/// A range of a blob as the body of a response, while the blob is still arriving.
private struct ArrivingBody: Sendable {
    let reading: BlobReading
    let range: Range<Int64>
    /// Bytes read at a time.
    let chunk: Int
    let place: Admission.RequestTicket

    var sent: ResponseBody {
        ResponseBody(contentLength: range.count) { writer in
            defer { withExtendedLifetime(place) {} }
            var position = range.lowerBound
            while position < range.upperBound {
                // The status has been sent already, so ending the body early is the only way to report the failure.
                guard let end = await reading.available(position..<range.upperBound) else { throw CameNoFurther() }
                while position < end {
                    let (offset, count) = (position, Int(min(Int64(chunk), end - position)))
                    let file = reading.file
                    let bytes = try await Threads.offload { () -> Result<ByteBuffer, any Error> in
                        Result {
                            var buffer = ByteBufferAllocator().buffer(capacity: count)
                            try buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { room in
                                try file.read(into: UnsafeMutableRawBufferPointer(rebasing: room[..<count]), at: offset)
                            }
                            guard buffer.readableBytes == count else { throw CameNoFurther() }
                            return buffer
                        }
                    }.get()
                    try await writer.write(bytes)
                    place.progressed(now: Clocks.steadySeconds)
                    position += Int64(count)
                }
            }
            try await writer.finish(nil)
        }
    }

    private struct CameNoFurther: Error, CustomStringConvertible {
        var description: String { "the rest of the blob did not come" }
    }
}
