import Admission
import HTTPTypes
import Hummingbird
import Text

/// What to answer to a request for a file: all of it, a part, or that the client has it already (RFC 9110, sections 13
/// and 14).
package struct FileAnswer: Sendable {
    let file: ServedFile
    private let method: HTTPRequest.Method
    private let asked: HTTPFields
    private var headers: HTTPFields

    /// - Parameters:
    ///   - head: of a GET or HEAD.
    ///   - headers: what the server says of the file: its type, how long it may be kept.
    package init(to head: HTTPRequest, file: ServedFile, headers: HTTPFields) {
        self.file = file
        method = head.method
        asked = head.headerFields
        self.headers = headers
        self.headers[.acceptRanges] = "bytes"
        self.headers[.eTag] = file.tag
        self.headers[.lastModified] = Self.date(of: file)
        if let name = HTTPField.Name("X-Content-Type-Options") { self.headers[name] = "nosniff" }
    }

    /// - Parameter place: held until the last byte is sent.
    package func response(
        in context: ServiceContext, within limits: HTTPLimits, _ admission: Admission,
        holding place: Admission.RequestTicket
    ) -> Response {
        if isUnchanged { return Response(status: .notModified, headers: headers) }
        // A range of another version of the file is no use to anybody: all of this one instead.
        let isRangeWanted = asked[.ifRange].map { $0 == file.tag || $0 == self.headers[.lastModified] } ?? true
        var headers = headers
        let (range, status): (Range<Int64>, HTTPResponse.Status)
        switch isRangeWanted ? ByteRange(header: asked[.range], size: file.size) : .whole {
        case .unsatisfiable: return .bare(.rangeNotSatisfiable, [.contentRange: "bytes */\(file.size)"])
        case .whole: (range, status) = (0..<file.size, .ok)
        case .part(let part):
            (range, status) = (part, .partialContent)
            headers[.contentRange] = "bytes \(part.lowerBound)-\(part.upperBound - 1)/\(file.size)"
        }
        guard method == .get, !range.isEmpty else {
            headers[.contentLength] = "\(range.count)"
            return Response(status: status, headers: headers)
        }
        let body = FileBody(file: file, range: range, limits: limits, admission: admission, place: place)
        return Response(status: status, headers: headers, body: body.sent(by: context.sender))
    }

    private var isUnchanged: Bool {
        if let tags = asked[.ifNoneMatch] {
            return tags == "*" || tags.split(separator: ",").contains { $0.filter { $0 != " " } == file.tag }
        }
        return asked[.ifModifiedSince].map { $0 == headers[.lastModified] } ?? false
    }

    private static func date(of file: ServedFile) -> String { HTTPDate.text(seconds: file.modified / 1_000_000_000) }
}
