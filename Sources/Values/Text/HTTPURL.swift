/// An `http` or `https` URL. One parser and one writer, so that the URL that was checked is the URL that is fetched.
package struct HTTPURL: Sendable, Hashable, CustomStringConvertible, CustomDebugStringConvertible {
    package let isSecure: Bool
    /// A host name or IP address in lower case; IPv6 without brackets.
    package let host: String
    package let port: UInt16
    /// From `/` on, without the query. Bytes that are not allowed in a path are percent-encoded.
    package let path: String
    /// The query with its `?`; empty if there is none.
    package let query: String

    /// Maximum length of a URL, in bytes.
    package static let longest = 16_384

    /// Nil for other schemes, user names, control characters, bad ports, URLs over `longest`, and hosts with characters
    /// other than letters, digits, `.`, `-`, `_` (international names must be in `xn--` form).
    package init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard bytes.count <= HTTPURL.longest, let colon = bytes.firstIndex(of: 0x3a),
            bytes[colon...].starts(with: "://".utf8)
        else { return nil }
        switch String(decoding: bytes[..<colon], as: UTF8.self).lowercased() {
        case "http": self.init(isSecure: false, afterScheme: bytes[(colon + 3)...])
        case "https": self.init(isSecure: true, afterScheme: bytes[(colon + 3)...])
        default: return nil
        }
    }

    /// - Parameter bytes: the rest of the URL after `//`.
    private init?(isSecure: Bool, afterScheme bytes: ArraySlice<UInt8>) {
        let authority = bytes.prefix { $0 != 0x2f && $0 != 0x3f && $0 != 0x23 }
        guard let (host, port) = HTTPURL.split(authority) else { return nil }
        let rest = bytes.dropFirst(authority.count).prefix { $0 != 0x23 }
        let path = rest.prefix { $0 != 0x3f }
        self.init(
            isSecure: isSecure, host: host, port: port ?? (isSecure ? 443 : 80), path: path,
            query: rest.dropFirst(path.count))
    }

    private init?(
        isSecure: Bool, host: String, port: UInt16, path: ArraySlice<UInt8>, query: ArraySlice<UInt8>
    ) {
        guard let path = HTTPURL.cleaned(path), let query = HTTPURL.cleaned(query) else { return nil }
        self.isSecure = isSecure
        self.host = host
        self.port = port
        self.path = path.utf8.first == 0x2f ? path : "/" + path
        self.query = query
    }

    /// Resolves a `Location` header against this URL (RFC 3986, section 5.2). Nil if the result is not an `http` or
    /// `https` URL.
    package func resolving(_ location: String) -> HTTPURL? {
        let bytes = Array(location.utf8)[...]
        guard bytes.count <= HTTPURL.longest else { return nil }
        if bytes.starts(with: "//".utf8) { return HTTPURL(isSecure: isSecure, afterScheme: bytes.dropFirst(2)) }
        // A scheme ends at a colon before any slash, question mark or number sign.
        let head = bytes.prefix { $0 != 0x2f && $0 != 0x3f && $0 != 0x23 }
        if head.contains(0x3a) { return HTTPURL(location) }
        let reference = bytes.prefix { $0 != 0x23 }
        let newPath = reference.prefix { $0 != 0x3f }
        let newQuery = reference.dropFirst(newPath.count)
        var target = Array(path.utf8)
        if newPath.first == 0x2f {
            target = Array(newPath)
        } else if !newPath.isEmpty {
            target = Array(target[...(target.lastIndex(of: 0x2f) ?? 0)]) + newPath
        }
        return HTTPURL(
            isSecure: isSecure, host: host, port: port, path: target[...],
            query: newPath.isEmpty && newQuery.isEmpty ? Array(query.utf8)[...] : newQuery)
    }

    /// Host and port as in a `Host` header. The port is left out if it is the default of the scheme.
    package var authority: String {
        let name = host.utf8.contains(0x3a) ? "[\(host)]" : host
        return port == (isSecure ? 443 : 80) ? name : "\(name):\(port)"
    }

    /// The whole URL, for a request. May contain secrets: messages and logs use `description`.
    package var text: String { "\(isSecure ? "https" : "http")://\(authority)\(path)\(query)" }

    /// This URL with names appended to its path, before its query. Names are percent-encoded byte by byte and separated
    /// by slashes.
    package func appending(_ names: [[UInt8]]) -> HTTPURL? {
        var target = Array(path.utf8)
        for name in names {
            if target.last != 0x2f { target.append(0x2f) }
            PercentEncoding.append(name, to: &target)
        }
        return HTTPURL(isSecure: isSecure, host: host, port: port, path: target[...], query: Array(query.utf8)[...])
    }

    private static func split(_ authority: ArraySlice<UInt8>) -> (host: String, port: UInt16?)? {
        var host = authority
        var port: UInt16?
        if let colon = authority.lastIndex(of: 0x3a), authority.last != 0x5d {
            let digits = authority[(colon + 1)...]
            guard digits.count <= 5, digits.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
            if !digits.isEmpty {
                guard let number = UInt16(String(decoding: digits, as: UTF8.self)), number != 0 else { return nil }
                port = number
            }
            host = authority[..<colon]
        }
        let isBracketed = host.first == 0x5b && host.last == 0x5d && host.count > 2
        if isBracketed { host = host.dropFirst().dropLast() }
        guard !host.isEmpty, host.count <= 255, host.allSatisfy({ isHostByte($0) || (isBracketed && $0 == 0x3a) })
        else { return nil }
        return (String(decoding: host, as: UTF8.self).lowercased(), port)
    }

    private static func isHostByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x2d, 0x2e, 0x5f: true
        default: false
        }
    }

    /// Percent-encodes characters that are not allowed in a path or query; nil if there are control characters.
    private static func cleaned(_ bytes: ArraySlice<UInt8>) -> String? {
        guard bytes.allSatisfy({ $0 >= 0x20 && $0 != 0x7f }) else { return nil }
        return PercentEncoding.encode(bytes, keeping: "%!$&'()*+,;=:@/?[]")
    }
}
