/// HTTP status codes that the tracker sends.
enum HTTPStatus {
    case ok, badRequest, forbidden, notFound, methodNotAllowed, requestTimeout, headTooLarge, versionNotSupported

    var line: StaticString {
        switch self {
        case .ok: "HTTP/1.1 200 OK\r\n"
        case .badRequest: "HTTP/1.1 400 Bad Request\r\n"
        case .forbidden: "HTTP/1.1 403 Forbidden\r\n"
        case .notFound: "HTTP/1.1 404 Not Found\r\n"
        case .methodNotAllowed: "HTTP/1.1 405 Method Not Allowed\r\nAllow: GET, HEAD, OPTIONS\r\n"
        case .requestTimeout: "HTTP/1.1 408 Request Timeout\r\n"
        case .headTooLarge: "HTTP/1.1 431 Request Header Fields Too Large\r\n"
        case .versionNotSupported: "HTTP/1.1 505 HTTP Version Not Supported\r\n"
        }
    }

    /// The text for a person.
    var text: StaticString {
        switch self {
        case .ok: "ok\n"
        case .badRequest: "400: this is not an HTTP/1.1 request that a tracker understands\n"
        case .forbidden: "403: this tracker answers to localhost and to 127.0.0.1 only, and to no web page\n"
        case .notFound:
            "404: this is a BitTorrent tracker; there are /announce, /scrape, /stats, /metrics, /healthz and /readyz\n"
        case .methodNotAllowed: "405: only GET, HEAD and OPTIONS\n"
        case .requestTimeout: "408: the request took too long\n"
        case .headTooLarge: "431: request line and headers may have 8 KiB\n"
        case .versionNotSupported: "505: only HTTP/1.0 and HTTP/1.1\n"
        }
    }
}
