import Admission
import HTTPTypes
import Hummingbird
import Text

/// The answer to a request for a file: the whole file, a part of it, or that it has not changed (RFC 9110, sections 13
/// and 14).
package struct FileAnswer: Sendable {
    let file: ServedFile
    private let method: HTTPRequest.Method
    private let asked: HTTPFields
    private var headers: HTTPFields
    private let tag: String

    /// - Parameters:
    ///   - head: the head of a GET or HEAD request.
    ///   - headers: the file's type, caching rules and the like.
    ///   - tag: the entity tag with its quotes; nil to derive it from the file's properties.
    package init(to head: HTTPRequest, file: ServedFile, headers: HTTPFields, tag: String? = nil) {
        self.file = file
        self.tag = tag ?? file.tag
        method = head.method
        asked = head.headerFields
        self.headers = headers
        self.headers[.acceptRanges] = "bytes"
        self.headers[.eTag] = self.tag
        self.headers[.lastModified] = Self.date(of: file)
        if let name = HTTPField.Name("X-Content-Type-Options") { self.headers[name] = "nosniff" }
    }

    /// - Parameters:
    ///   - place: held until the last byte has been sent.
    ///   - other: a second place, of another budget.
    package func response(
        in context: ServiceContext, within limits: HTTPLimits, _ admission: Admission,
        holding place: Admission.RequestTicket, and other: Admission.RequestTicket? = nil
    ) -> Response {
        var headers = headers
        let (range, status): (Range<Int64>, HTTPResponse.Status)
        switch WantedPart(asked, tag: tag, modified: headers[.lastModified], size: file.size) {
        case .unchanged: return Response(status: .notModified, headers: headers)
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
        let body = FileBody(
            file: file, range: range, limits: limits, admission: admission, place: place, other: other)
        return Response(status: status, headers: headers, body: body.sent(by: context.sender))
    }

    private static func date(of file: ServedFile) -> String { HTTPDate.text(seconds: file.modified / 1_000_000_000) }
}
