import HTTPServing
import Hashing
import JSON
import Registry
import Text

/// The tokens of a registry, as their JSON file lists them: `{"tokens": [{name, role, sha256|secret, names, expires}]}`.
/// Pure.
package struct TokenTable: Sendable {
    /// Why a list of tokens is refused. The text never contains a secret.
    package struct Problem: Error, Hashable, Sendable, CustomStringConvertible {
        package let description: String

        package init(_ description: String) { self.description = description }
    }

    struct Token: Sendable {
        let caller: Caller
        /// SHA-256 of the token.
        let digest: [UInt8]
        /// Seconds since 1970; nil for a token that does not expire.
        let expires: Double?
    }

    /// The result of looking up a token.
    package enum Finding: Hashable, Sendable {
        case unknown
        case expired
        case caller(Caller)
    }

    let tokens: [Token]

    private static let limits = JSONLimits(maxBytes: 4 << 20, maxDepth: 8, maxValues: 200_000)

    package init(_ bytes: [UInt8]) throws(Problem) {
        let value: JSONValue
        do { value = try JSONValue.parse(bytes, limits: Self.limits) } catch {
            throw Problem("\(error)")
        }
        guard let list = value["tokens"]?.arrayValue else { throw Problem("there is no list 'tokens'") }
        try self.init(list)
    }

    /// - Parameter list: the value of the key `tokens`.
    package init(_ list: [JSONValue]) throws(Problem) {
        guard !list.isEmpty else { throw Problem("the list 'tokens' is empty") }
        var names: Set<String> = []
        var digests: Set<[UInt8]> = []
        tokens = try list.enumerated().map { (index, entry) throws(Problem) in
            let token = try Self.token(entry, at: index + 1)
            guard names.insert(token.caller.name).inserted else {
                throw Problem("two tokens are named '\(DisplayName.escape(token.caller.name))'")
            }
            guard digests.insert(token.digest).inserted else {
                throw Problem("the token '\(DisplayName.escape(token.caller.name))' is another one's too")
            }
            return token
        }
    }

    private static func token(_ value: JSONValue, at place: Int) throws(Problem) -> Token {
        guard let object = value.objectValue else { throw Problem("token \(place) is no object") }
        guard let name = object["name"]?.stringValue, (1...64).contains(name.utf8.count),
            name.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f })
        else { throw Problem("token \(place): 'name' is 1 to 64 letters, digits and signs") }
        func wrong(_ text: String) -> Problem { Problem("token '\(DisplayName.escape(name))': \(text)") }
        // A misspelt key must not make a token that lasts longer or has access to more names than was meant.
        for key in object.keys where !["name", "role", "sha256", "secret", "names", "expires"].contains(key) {
            throw wrong("'\(DisplayName.escape(key))' is no key of a token")
        }
        guard let role = RegistryRoles.all.first(where: { $0.name == object["role"]?.stringValue }) else {
            throw wrong("'role' is pull, push, admin or cluster")
        }
        let digest: [UInt8]
        switch (object["sha256"]?.stringValue, object["secret"]?.stringValue) {
        case (let hex?, nil):
            guard let bytes = Hexadecimal.decode(hex, byteCount: 32) else { throw wrong("'sha256' is 64 digits") }
            digest = bytes
        case (nil, let secret?):
            guard (1...4096).contains(secret.utf8.count), secret.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else {
                throw wrong("'secret' is letters, digits and signs without blanks")
            }
            // A client takes what is before a colon as the name of a user (RFC 7617), and sends only the rest as the token.
            guard !secret.utf8.contains(UInt8(ascii: ":")) else { throw wrong("'secret' has no ':'") }
            digest = SHA256.digest(Array(secret.utf8)).bytes
        default: throw wrong("either 'sha256' or 'secret' is needed")
        }
        return Token(
            caller: Caller(name: name, role: role, scope: try scope(object["names"], wrong)), digest: digest,
            expires: try expiry(object["expires"], wrong))
    }

    private static func scope(
        _ value: JSONValue?, _ wrong: (String) -> Problem
    ) throws(Problem) -> CallerScope? {
        guard let value else { return nil }
        let texts = value.arrayValue?.compactMap(\.stringValue) ?? []
        guard !texts.isEmpty, texts.count == value.arrayValue?.count else {
            throw wrong("'names' is a list of regular expressions")
        }
        do {
            let patterns = try NamePatterns(texts)
            return CallerScope(patterns: texts) { patterns.match($0) }
        } catch {
            throw wrong("'\(DisplayName.escape(error.pattern))' is no regular expression")
        }
    }

    private static func expiry(_ value: JSONValue?, _ wrong: (String) -> Problem) throws(Problem) -> Double? {
        guard let value else { return nil }
        guard let time = value.stringValue.flatMap({ Moment.parse($0) }) else {
            throw wrong("'expires' is a day or a time in UTC: 2030-01-31 or 2030-01-31T12:00:00Z")
        }
        return time
    }

    /// Finds a token. Compares it with all tokens, and each of them whole, so that the time taken reveals nothing.
    /// - Parameter now: seconds since 1970.
    package func find(_ secret: [UInt8], at now: Double) -> Finding {
        let given = SHA256.digest(secret).bytes
        var found: Token?
        for token in tokens {
            var difference: UInt8 = 0
            for (own, other) in zip(token.digest, given) { difference |= own ^ other }
            if difference == 0 { found = token }
        }
        guard let found else { return .unknown }
        if let expires = found.expires, now >= expires { return .expired }
        return .caller(found.caller)
    }
}

/// A day, or a time in UTC, as RFC 3339 writes them.
package enum Moment {
    /// - Returns: seconds since 1970, for a day its beginning; nil for a malformed text.
    package static func parse(_ text: String) -> Double? {
        let parts = text.split(separator: "T", maxSplits: 1, omittingEmptySubsequences: false)
        guard let day = numbers(parts[0], separator: "-", widths: [4, 2, 2]) else { return nil }
        let date = CivilDate(year: day[0], month: day[1], day: day[2])
        guard (1...12).contains(day[1]), day[2] >= 1, CivilDate(daysSince1970: date.daysSince1970) == date else {
            return nil
        }
        guard parts.count == 2 else { return Double(date.daysSince1970 * 86_400) }
        guard parts[1].hasSuffix("Z"), let time = numbers(parts[1].dropLast(), separator: ":", widths: [2, 2, 2]),
            time[0] < 24, time[1] < 60, time[2] < 60
        else { return nil }
        return Double(date.daysSince1970 * 86_400 + time[0] * 3_600 + time[1] * 60 + time[2])
    }

    private static func numbers(_ text: Substring, separator: Character, widths: [Int]) -> [Int64]? {
        let parts = text.split(separator: separator, omittingEmptySubsequences: false)
        guard parts.map(\.utf8.count) == widths else { return nil }
        let numbers = parts.compactMap { part in
            part.utf8.allSatisfy { (0x30...0x39).contains($0) } ? Int64(part) : nil
        }
        return numbers.count == widths.count ? numbers : nil
    }
}
