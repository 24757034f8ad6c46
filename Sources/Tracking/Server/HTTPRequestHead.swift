#if canImport(Glibc)
    import Glibc
#endif

/// The head of an HTTP/1.1 GET request, as much of it as a tracker looks at.
///
/// Strict (RFC 9112): CRLF line ends, no folded lines, no control characters, one `Host`, no body. What is not exactly
/// that is refused before anything is made of it, so a proxy in front and the tracker cannot disagree on where a
/// request ends.
public struct HTTPRequestHead {
    /// The path, before any `?`. Points into the parsed bytes.
    public let path: UnsafeRawBufferPointer
    /// What follows the `?`; empty without one.
    public let query: UnsafeRawBufferPointer
    /// Whether the connection stays open after the answer.
    public let keepsAlive: Bool
    /// The request is HTTP/1.0, whose connections stay open only when the answer says so.
    public let isVersion10: Bool
    /// The `Accept` header asks for `application/json`.
    public let acceptsJSON: Bool
    /// Bytes of the head, from the request line to the empty line.
    public let length: Int

    public enum Outcome {
        case request(HTTPRequestHead)
        /// The head is not all there yet.
        case needsMore
        /// Answer with this status and close.
        case refused(HTTPRefusal)
    }

    /// Statuses of requests that are not served.
    public enum HTTPRefusal: Sendable, Equatable {
        case malformed, methodNotAllowed, headTooLarge, versionNotSupported
    }

    /// Longest head in bytes.
    public static let limit = 8 * 1024

    /// Parses the head at the start of `bytes`.
    public static func parse(_ bytes: UnsafeRawBufferPointer) -> Outcome {
        guard let base = bytes.baseAddress, !bytes.isEmpty else { return .needsMore }
        let window = min(bytes.count, limit)
        var line = nextLine(base, from: 0, limit: window)
        guard case .line(let first, var position) = line else {
            if case .malformed = line { return .refused(.malformed) }
            // A first line that can never become a GET is refused at once, and not waited for.
            if !couldBecomeGet(bytes) {
                return .refused(bytes[0] > 0x20 && bytes[0] < 0x7f ? .methodNotAllowed : .malformed)
            }
            return bytes.count >= limit ? .refused(.headTooLarge) : .needsMore
        }
        guard couldBecomeGet(first) else {
            return .refused(isToken(first.prefix { $0 != 0x20 }) ? .methodNotAllowed : .malformed)
        }
        guard first.count >= 14, hasVersion(first) else { return .refused(.malformed) }
        let major = first[first.count - 3]
        let minor = first[first.count - 1]
        guard major == 0x31, minor == 0x30 || minor == 0x31 else {
            return .refused((0x30...0x39).contains(major) ? .versionNotSupported : .malformed)
        }
        let target = UnsafeRawBufferPointer(rebasing: first[4..<first.count - 9])
        // Printable ASCII only, without spaces: others must be escaped.
        for byte in target where byte <= 0x20 || byte >= 0x7f { return .refused(.malformed) }
        guard target.first == 0x2f else { return .refused(.malformed) }

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
                    return .request(make(target: target, headers: headers, length: position))
                }
                guard headers.take(text) else { return .refused(.malformed) }
            }
        }
    }

    private static func make(target: UnsafeRawBufferPointer, headers: Headers, length: Int) -> HTTPRequestHead {
        let mark = target.firstIndex(of: 0x3f) ?? target.count
        return HTTPRequestHead(
            path: UnsafeRawBufferPointer(rebasing: target[..<mark]),
            query: UnsafeRawBufferPointer(rebasing: target[min(mark + 1, target.count)...]),
            keepsAlive: headers.isVersion10 ? headers.saysKeepAlive && !headers.saysClose : !headers.saysClose,
            isVersion10: headers.isVersion10, acceptsJSON: headers.acceptsJSON, length: length)
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

    private static func couldBecomeGet(_ bytes: UnsafeRawBufferPointer) -> Bool {
        let method: StaticString = "GET "
        guard let start = bytes.baseAddress else { return true }
        return memcmp(start, method.utf8Start, min(4, bytes.count)) == 0
    }

    /// The line ends with ` HTTP/x.y`.
    private static func hasVersion(_ line: UnsafeRawBufferPointer) -> Bool {
        let mark: StaticString = " HTTP/"
        guard let base = line.baseAddress else { return false }
        return memcmp(base + line.count - 9, mark.utf8Start, 6) == 0 && line[line.count - 2] == 0x2e
    }

    static func isToken(_ bytes: some Collection<UInt8>) -> Bool {
        !bytes.isEmpty && bytes.allSatisfy(Headers.isTokenByte)
    }
}
