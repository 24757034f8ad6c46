#if canImport(Glibc)
import Glibc
#endif

extension HTTPRequestHead {
    /// The relevant values of a request's header lines.
    struct Headers {
        let isVersion10: Bool
        var hosts = 0
        var saysClose = false
        var saysKeepAlive = false
        var acceptsJSON = false
        var authorization: UnsafeRawBufferPointer?
        var host: UnsafeRawBufferPointer?
        var origin: UnsafeRawBufferPointer?

        init(isVersion10: Bool) {
            self.isVersion10 = isVersion10
        }

        /// Parses one header line; false if it makes the request invalid.
        mutating func parse(_ line: UnsafeRawBufferPointer) -> Bool {
            guard let colon = line.firstIndex(of: 0x3a), colon > 0 else { return false }
            let name = UnsafeRawBufferPointer(rebasing: line[..<colon])
            for byte in name where !Headers.isTokenByte(byte) { return false }
            let value = UnsafeRawBufferPointer(rebasing: line[(colon + 1)...])
            for byte in value where (byte < 0x20 && byte != 0x09) || byte == 0x7f { return false }
            switch name.count {
            case 4 where Headers.matches(name, "host"):
                hosts += 1
                host = Headers.trimmed(value)
                return hosts == 1
            case 10 where Headers.matches(name, "connection"):
                saysClose = saysClose || Headers.contains(value, "close")
                saysKeepAlive = saysKeepAlive || Headers.contains(value, "keep-alive")
            case 6 where Headers.matches(name, "accept"):
                acceptsJSON = acceptsJSON || Headers.contains(value, "application/json")
            case 6 where Headers.matches(name, "origin"):
                // Of several none is believed.
                origin = origin == nil ? Headers.trimmed(value) : UnsafeRawBufferPointer(start: nil, count: 0)
            case 13 where Headers.matches(name, "authorization"):
                guard authorization == nil else { return false }
                authorization = Headers.trimmed(value)
            // A GET with a body is useless here, and can be used to smuggle requests past a proxy.
            case 14 where Headers.matches(name, "content-length"):
                return Headers.trimmed(value).elementsEqual([0x30])
            case 17 where Headers.matches(name, "transfer-encoding"): return false
            default: break
            }
            return true
        }

        /// Compares ignoring case; `text` is in lower case.
        private static func matches(_ bytes: UnsafeRawBufferPointer, _ text: StaticString) -> Bool {
            guard bytes.count == text.utf8CodeUnitCount, let start = bytes.baseAddress else { return false }
            return strncasecmp(
                start.assumingMemoryBound(to: CChar.self),
                UnsafeRawPointer(text.utf8Start).assumingMemoryBound(to: CChar.self), bytes.count) == 0
        }

        /// Whether an element of the comma-separated `value` is `text`, ignoring parameters after `;`.
        private static func contains(_ value: UnsafeRawBufferPointer, _ text: StaticString) -> Bool {
            var rest = value[...]
            while true {
                let end = rest.firstIndex(of: 0x2c) ?? rest.endIndex
                let element = rest[..<end]
                let bare = element[..<(element.firstIndex(of: 0x3b) ?? end)]
                if matches(trimmed(UnsafeRawBufferPointer(rebasing: bare)), text) { return true }
                guard end < rest.endIndex else { return false }
                rest = rest[(end + 1)...]
            }
        }

        private static func trimmed(_ value: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
            var start = 0
            var end = value.count
            while start < end, value[start] == 0x20 || value[start] == 0x09 { start += 1 }
            while end > start, value[end - 1] == 0x20 || value[end - 1] == 0x09 { end -= 1 }
            return UnsafeRawBufferPointer(rebasing: value[start..<end])
        }

        /// RFC 9110's `tchar`.
        static func isTokenByte(_ byte: UInt8) -> Bool {
            switch byte {
            case 0x30...0x39, 0x41...0x5a, 0x61...0x7a: true
            case 0x21, 0x23...0x27, 0x2a, 0x2b, 0x2d, 0x2e, 0x5e, 0x5f, 0x60, 0x7c, 0x7e: true
            default: false
            }
        }
    }
}
