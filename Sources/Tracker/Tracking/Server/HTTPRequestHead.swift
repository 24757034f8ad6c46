import Address

#if canImport(Glibc)
import Glibc
#endif

/// The head of an HTTP/1.1 request without a body, with the fields that a tracker needs.
///
/// Strict (RFC 9112): CRLF line ends, no folded lines, no control characters, one `Host`, no body. Anything else is
/// refused before it is interpreted, so that a proxy in front and the tracker cannot disagree on where a request ends.
/// The target may be in absolute form (`http://host/path`); its host is ignored.
public struct HTTPRequestHead {
    /// Methods that are parsed. Others are refused, because they may have a body.
    public enum Method: CaseIterable, Sendable {
        case get, head, options

        /// With the space that follows it.
        fileprivate var text: StaticString {
            switch self {
            case .get: "GET "
            case .head: "HEAD "
            case .options: "OPTIONS "
            }
        }
    }

    public let method: Method
    /// The path, before any `?`. Points into the parsed bytes.
    public let path: UnsafeRawBufferPointer
    /// The query after the `?`; empty if there is none.
    public let query: UnsafeRawBufferPointer
    /// Whether the connection stays open after the response.
    public let keepsAlive: Bool
    /// The request is HTTP/1.0. Its connection stays open only if the response says so.
    public let isVersion10: Bool
    /// The `Accept` header asks for `application/json`.
    public let acceptsJSON: Bool
    /// The value of the header `Authorization`; nil if there is none. Points into the parsed bytes.
    public let authorization: UnsafeRawBufferPointer?
    /// The values of `Host` and `Origin`; nil where there are none. They point into the parsed bytes.
    private let host: UnsafeRawBufferPointer?
    private let origin: UnsafeRawBufferPointer?
    /// Length of the head in bytes, from the request line to the empty line.
    public let length: Int

    public enum Outcome {
        case request(HTTPRequestHead)
        /// The head is not complete yet.
        case needsMore
        /// Respond with this status and close the connection.
        case refused(HTTPRefusal)
    }

    /// Status codes of requests that are not served.
    public enum HTTPRefusal: Sendable, Equatable {
        case malformed, methodNotAllowed, headTooLarge, versionNotSupported
    }

    /// Maximum length of a head, in bytes.
    public static let limit = 8 * 1024

    /// Parses the head at the start of `bytes`.
    public static func parse(_ bytes: UnsafeRawBufferPointer) -> Outcome {
        guard let base = bytes.baseAddress, !bytes.isEmpty else { return .needsMore }
        let window = min(bytes.count, limit)
        var line = nextLine(base, from: 0, limit: window)
        guard case .line(let first, var position) = line else {
            if case .malformed = line { return .refused(.malformed) }
            // A first line that cannot become a supported request is refused at once, without waiting for its end.
            if method(startsOf: bytes) == nil {
                return .refused(bytes[0] > 0x20 && bytes[0] < 0x7f ? .methodNotAllowed : .malformed)
            }
            return bytes.count >= limit ? .refused(.headTooLarge) : .needsMore
        }
        guard let method = method(startsOf: first), first.count >= method.text.utf8CodeUnitCount else {
            return .refused(isToken(first.prefix { $0 != 0x20 }) ? .methodNotAllowed : .malformed)
        }
        let targetStart = method.text.utf8CodeUnitCount
        guard first.count >= targetStart + 10, hasVersion(first) else { return .refused(.malformed) }
        let major = first[first.count - 3]
        let minor = first[first.count - 1]
        guard major == 0x31, minor == 0x30 || minor == 0x31 else {
            return .refused((0x30...0x39).contains(major) ? .versionNotSupported : .malformed)
        }
        let whole = UnsafeRawBufferPointer(rebasing: first[targetStart..<first.count - 9])
        // Printable ASCII only, without spaces: other bytes must be escaped.
        for byte in whole where byte <= 0x20 || byte >= 0x7f { return .refused(.malformed) }
        guard let target = whole.first == 0x2f ? whole : originForm(whole, method) else { return .refused(.malformed) }

        var headers = Headers(isVersion10: minor == 0x30)
        while true {
            line = nextLine(base, from: position, limit: window)
            switch line {
            case .malformed: return .refused(.malformed)
            case .incomplete: return bytes.count >= limit ? .refused(.headTooLarge) : .needsMore
            case .line(let text, let next):
                position = next
                if text.isEmpty {
                    guard headers.hosts == 1 || (headers.hosts == 0 && headers.isVersion10) else {
                        return .refused(.malformed)
                    }
                    return .request(make(method, target, headers, length: position))
                }
                guard headers.parse(text) else { return .refused(.malformed) }
            }
        }
    }

    private static func make(
        _ method: Method, _ target: UnsafeRawBufferPointer, _ headers: Headers, length: Int
    ) -> HTTPRequestHead {
        let mark = target.firstIndex(of: 0x3f) ?? target.count
        return HTTPRequestHead(
            method: method,
            path: UnsafeRawBufferPointer(rebasing: target[..<mark]),
            query: UnsafeRawBufferPointer(rebasing: target[min(mark + 1, target.count)...]),
            keepsAlive: headers.isVersion10 ? headers.saysKeepAlive && !headers.saysClose : !headers.saysClose,
            isVersion10: headers.isVersion10, acceptsJSON: headers.acceptsJSON,
            authorization: headers.authorization, host: headers.host, origin: headers.origin, length: length)
    }

    /// Whether `Host`, or an `Origin`, names something else than this host. To a tracker that is for this host alone such a request
    /// comes from a web page.
    public var namesOthers: Bool {
        func isOther(_ authority: String) -> Bool { !HostName.isLoopback(HostName.host(of: authority)) }
        if let host, isOther(String(decoding: host, as: UTF8.self)) { return true }
        guard let origin else { return false }
        let site = String(decoding: origin, as: UTF8.self)
        return isOther(String(site[(site.lastIndex(of: "/").map { site.index(after: $0) } ?? site.startIndex)...]))
    }

    private enum Line {
        case line(UnsafeRawBufferPointer, next: Int)
        case incomplete
        case malformed
    }

    /// The line at `start` without its CRLF.
    @inline(__always)
    private static func nextLine(_ base: UnsafeRawPointer, from start: Int, limit: Int) -> Line {
        guard let end = memchr(base + start, 0x0a, limit - start) else { return .incomplete }
        let length = UnsafeRawPointer(end) - (base + start)
        guard length > 0, base.load(fromByteOffset: start + length - 1, as: UInt8.self) == 0x0d else {
            return .malformed
        }
        return .line(UnsafeRawBufferPointer(start: base + start, count: length - 1), next: start + length + 1)
    }

    /// Path and query of a target that does not begin with a slash: one in absolute form (RFC 9112, 3.2.2), which
    /// clients behind a proxy send, or the `*` of OPTIONS. Nil for any other.
    private static func originForm(_ target: UnsafeRawBufferPointer, _ method: Method) -> UnsafeRawBufferPointer? {
        if target.count == 1, target[0] == 0x2a { return method == .options ? target : nil }
        for scheme in ["http://", "https://"] as [StaticString] {
            let length = scheme.utf8CodeUnitCount
            guard target.count > length, let start = target.baseAddress,
                strncasecmp(
                    start.assumingMemoryBound(to: CChar.self),
                    UnsafeRawPointer(scheme.utf8Start).assumingMemoryBound(to: CChar.self), length) == 0
            else { continue }
            // There must be an authority and no fragment. The authority is ignored.
            let end = target[length...].firstIndex { $0 == 0x2f || $0 == 0x3f || $0 == 0x23 } ?? target.count
            guard end > length, end == target.count || target[end] != 0x23 else { return nil }
            return UnsafeRawBufferPointer(rebasing: target[end...])
        }
        return nil
    }

    /// The method that a line begins with, or could begin with when more bytes arrive; nil if it cannot be a supported
    /// one.
    @inline(__always)
    private static func method(startsOf bytes: UnsafeRawBufferPointer) -> Method? {
        guard let start = bytes.baseAddress else { return .get }
        for method in Method.allCases {
            let length = min(method.text.utf8CodeUnitCount, bytes.count)
            if memcmp(start, method.text.utf8Start, length) == 0 { return method }
        }
        return nil
    }

    /// Whether the line ends with ` HTTP/x.y`.
    private static func hasVersion(_ line: UnsafeRawBufferPointer) -> Bool {
        let mark: StaticString = " HTTP/"
        guard let base = line.baseAddress else { return false }
        return memcmp(base + line.count - 9, mark.utf8Start, 6) == 0 && line[line.count - 2] == 0x2e
    }

    static func isToken(_ bytes: some Collection<UInt8>) -> Bool {
        !bytes.isEmpty && bytes.allSatisfy(Headers.isTokenByte)
    }
}
