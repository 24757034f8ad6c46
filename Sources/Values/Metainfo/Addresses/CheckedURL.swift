import Text

/// A valid tracker URL: `http`, `https` or `udp`, with a host and no user name.
///
/// All code that reads, writes or shows a torrent or a magnet link applies this rule.
public struct TrackerAddress: Sendable, Hashable {
    /// The URL, without blanks around it. Characters that are not allowed in a path or query are percent-encoded.
    public let text: String

    /// - Throws: why the URL cannot be used.
    public init(_ bytes: some Collection<UInt8>) throws(AddressProblem) {
        text = try URLRule(schemes: ["http", "https", "udp"], expected: "http://, https:// or udp://").check(bytes)
    }

    public init(_ text: String) throws(AddressProblem) { try self.init(text.utf8) }
}

/// A valid web seed URL (BEP 19): `http` or `https`, with a host and no user name.
///
/// All web seeds, and torrents that are fetched by URL, follow this rule.
public struct WebSeedAddress: Sendable, Hashable {
    /// The URL, without blanks around it. Characters that are not allowed in a path or query are percent-encoded.
    public let text: String

    /// - Throws: why the URL cannot be used.
    public init(_ bytes: some Collection<UInt8>) throws(AddressProblem) {
        text = try URLRule(schemes: ["http", "https"], expected: "http:// or https://").check(bytes)
    }

    public init(_ text: String) throws(AddressProblem) { try self.init(text.utf8) }
}

/// The rule that both kinds of URL share (RFC 3986).
struct URLRule {
    let schemes: [String]
    /// The allowed schemes, for an error message.
    let expected: String

    func check(_ bytes: some Collection<UInt8>) throws(AddressProblem) -> String {
        let bytes = Self.trimmed(Array(bytes)[...])
        guard !bytes.isEmpty else { throw .empty }
        guard bytes.allSatisfy({ $0 >= 0x20 && $0 != 0x7f }) else { throw .controlCharacter }
        guard let colon = bytes.firstIndex(of: UInt8(ascii: ":")), bytes[colon...].starts(with: "://".utf8),
            bytes[..<colon].allSatisfy(Self.isSchemeByte), colon > bytes.startIndex
        else { throw .noScheme(expected: expected) }
        let scheme = String(decoding: bytes[..<colon], as: UTF8.self).lowercased()
        guard schemes.contains(scheme) else {
            throw .unknownScheme(String(scheme.prefix(20)), expected: expected)
        }
        let rest = bytes[(colon + 3)...]
        let authority = rest.prefix { !"/?#".utf8.contains($0) }
        guard !authority.contains(UInt8(ascii: "@")) else { throw .userName }
        try Self.check(authority: authority, needsPort: scheme == "udp")
        let path = PercentEncoding.encode(rest[authority.endIndex...], keeping: "%!$&'()*+,;=:@/?[]#")
        let text = String(decoding: bytes[..<authority.endIndex], as: UTF8.self) + path
        let limit = MetainfoLimits.standard.maxURLBytes
        guard text.utf8.count <= limit else { throw .tooLong(limit: limit) }
        return text
    }

    private static func check(authority: ArraySlice<UInt8>, needsPort: Bool) throws(AddressProblem) {
        guard !authority.isEmpty else { throw .noHost }
        var host = authority
        var port: Substring = ""
        if let colon = authority.lastIndex(of: UInt8(ascii: ":")), authority.last != UInt8(ascii: "]") {
            host = authority[..<colon]
            port = Substring(decoding: authority[(colon + 1)...], as: UTF8.self)
            guard port.isEmpty || port.utf8.count <= 5 && port.utf8.allSatisfy(isDigit) && UInt16(port) ?? 0 != 0 else {
                throw .badPort
            }
        }
        guard !host.isEmpty else { throw .noHost }
        let isBracketed = host.first == UInt8(ascii: "[") && host.last == UInt8(ascii: "]") && host.count > 2
        if isBracketed { host = host.dropFirst().dropLast() }
        guard host.count <= 255, host.allSatisfy({ isHostByte($0) || isBracketed && $0 == UInt8(ascii: ":") }) else {
            throw .badHost
        }
        guard !needsPort || !port.isEmpty else { throw .noPort }
    }

    /// Removes blanks, line ends and other control characters at both ends.
    static func trimmed(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var bytes = bytes.drop { $0 <= 0x20 }
        while let last = bytes.last, last <= 0x20 { bytes.removeLast() }
        return bytes
    }

    private static func isDigit(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }

    private static func isLetter(_ byte: UInt8) -> Bool {
        byte | 0x20 >= UInt8(ascii: "a") && byte | 0x20 <= UInt8(ascii: "z")
    }

    private static func isSchemeByte(_ byte: UInt8) -> Bool {
        isLetter(byte) || isDigit(byte) || "+-.".utf8.contains(byte)
    }

    private static func isHostByte(_ byte: UInt8) -> Bool {
        isLetter(byte) || isDigit(byte) || "-._".utf8.contains(byte)
    }
}
