import Admission
import BlobNode
import HTTPServing
import HTTPTypes
import Hummingbird
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
        switch ArrivingAnswer.begin(to: head, size: blob.size, headers: headers, tag: Self.tag(blob.digest)) {
        case .answered(let response): return response
        case .content(let answer):
            guard let reading = try await agent.read(blob, of: name, answer.range) else {
                return await cached(blob.digest, head, headers, context)
            }
            guard let place = context.place(admission, at: .files) else { return Self.tooMany }
            return answer.response(from: reading.file, chunk: limits.fileChunk, holding: place) {
                await reading.available($0)
            }
        }
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
