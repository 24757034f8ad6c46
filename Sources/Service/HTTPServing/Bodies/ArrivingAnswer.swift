import Admission
import Files
import HTTPTypes
import Hummingbird
import NIOCore
import Threads

/// An answer whose content is still arriving: each part is sent when it is here. Decided by the length alone, before the first byte.
package struct ArrivingAnswer: Sendable {
    /// What of the content is asked for; not empty.
    package let range: Range<Int64>
    private let status: HTTPResponse.Status
    private let headers: HTTPFields

    package enum Beginning: Sendable {
        /// Nothing of the content is needed.
        case answered(Response)
        case content(ArrivingAnswer)
    }

    /// - Parameters:
    ///   - head: of a GET or HEAD.
    ///   - headers: what is said of the content.
    ///   - tag: the entity tag, with its quotes.
    package static func begin(to head: HTTPRequest, size: Int64, headers: HTTPFields, tag: String) -> Beginning {
        var headers = headers
        headers[.acceptRanges] = "bytes"
        headers[.eTag] = tag
        let (range, status): (Range<Int64>, HTTPResponse.Status)
        switch WantedPart(head.headerFields, tag: tag, modified: nil, size: size) {
        case .unchanged: return .answered(Response(status: .notModified, headers: headers))
        case .unsatisfiable: return .answered(.bare(.rangeNotSatisfiable, [.contentRange: "bytes */\(size)"]))
        case .whole: (range, status) = (0..<size, .ok)
        case .part(let part):
            (range, status) = (part, .partialContent)
            headers[.contentRange] = "bytes \(part.lowerBound)-\(part.upperBound - 1)/\(size)"
        }
        // Nothing is fetched to say how large it is.
        guard head.method != .head, !range.isEmpty else {
            headers[.contentLength] = "\(range.count)"
            return .answered(Response(status: status, headers: headers))
        }
        return .content(ArrivingAnswer(range: range, status: status, headers: headers))
    }

    /// - Parameters:
    ///   - file: where the content arrives.
    ///   - chunk: bytes that are read at a time.
    ///   - place: held until the last byte is sent.
    ///   - other: a second place, of another budget.
    ///   - available: waits for the first byte of a range; returns the end of what is there from it on, and nil when nothing comes any
    ///     more.
    package func response(
        from file: HeldFile, chunk: Int, holding place: Admission.RequestTicket,
        and other: Admission.RequestTicket? = nil,
        available: @escaping @Sendable (Range<Int64>) async -> Int64?
    ) -> Response {
        let range = range
        let body = ResponseBody(contentLength: range.count) { writer in
            defer { withExtendedLifetime((place, other)) {} }
            var position = range.lowerBound
            while position < range.upperBound {
                // The answer cannot be finished: breaking it off is how the client learns.
                guard let end = await available(position..<range.upperBound) else { throw CameNoFurther() }
                while position < end {
                    let (offset, count) = (position, Int(min(Int64(chunk), end - position)))
                    let bytes = try await Threads.offload { Result { try Self.read(file, count, at: offset) } }.get()
                    try await writer.write(bytes)
                    let now = Clocks.steadySeconds
                    place.progressed(now: now)
                    other?.progressed(now: now)
                    position += Int64(count)
                }
            }
            try await writer.finish(nil)
        }
        return Response(status: status, headers: headers, body: body)
    }

    private static func read(_ file: HeldFile, _ count: Int, at offset: Int64) throws -> ByteBuffer {
        var buffer = ByteBufferAllocator().buffer(capacity: count)
        try buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { room in
            try file.read(into: UnsafeMutableRawBufferPointer(rebasing: room[..<count]), at: offset)
        }
        guard buffer.readableBytes == count else { throw CameNoFurther() }
        return buffer
    }

    private struct CameNoFurther: Error, CustomStringConvertible {
        var description: String { "the rest of the content did not come" }
    }
}
