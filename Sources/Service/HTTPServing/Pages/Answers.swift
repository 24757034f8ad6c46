import HTTPTypes
import Hummingbird
import JSON
import NIOCore
import NIOHTTP1

extension HTTPResponse.Status {
    /// Its name in RFC 9110, for one that was made from its number too.
    package var title: String {
        reasonPhrase.isEmpty ? HTTPResponseStatus(statusCode: code).reasonPhrase : reasonPhrase
    }
}

extension Response {
    /// The content type of JSON documents.
    package static let jsonType = "application/json; charset=utf-8"

    /// A text response.
    package static func text(
        _ text: String, type: String = "text/plain; charset=utf-8", status: HTTPResponse.Status = .ok
    ) -> Response {
        Response(
            status: status, headers: [.contentType: type], body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
    }

    /// A response with only a status, for programs. The body repeats the status code.
    package static func bare(_ status: HTTPResponse.Status, _ headers: HTTPFields = [:]) -> Response {
        var headers = headers
        headers[.contentType] = "text/plain; charset=utf-8"
        return Response(
            status: status, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(string: "\(status.code)\n")))
    }

    package static func json(_ value: JSONValue, status: HTTPResponse.Status = .ok) -> Response {
        json(bytes: value.encode(), status: status)
    }

    /// - Parameter bytes: a JSON document.
    package static func json(bytes: [UInt8], status: HTTPResponse.Status = .ok) -> Response {
        Response(
            status: status, headers: [.contentType: jsonType], body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
    }
}
