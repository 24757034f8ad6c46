/// Parses an allow-list: one info hash in hexadecimal on each line (v2: its first 20 bytes, or all 32).
///
/// Empty lines, and text after a `#`, are comments; spaces around a hash are ignored.
public enum AllowListText {
    /// A line that is not an info hash. `number` counts from 1.
    public struct Problem: Error, Sendable, Equatable, CustomStringConvertible {
        public let number: Int

        public var description: String {
            "line \(number) of the allow-list is not an info hash: 40 hexadecimal digits (v2: the first 40 of its 64)"
        }
    }

    /// All hashes of the list, or the first invalid line. A list with an error is not used in part: it would silently
    /// exclude the swarm on that line.
    public static func parse(_ bytes: [UInt8]) throws(Problem) -> Set<SwarmKey> {
        var keys: Set<SwarmKey> = []
        var number = 0
        for line in bytes.split(separator: 0x0a, omittingEmptySubsequences: false) {
            number += 1
            let bare = line.prefix { $0 != 0x23 }.drop(while: isSpace)
            guard let end = bare.lastIndex(where: { !isSpace($0) }) else { continue }
            guard bare.count <= 200, let key = SwarmKey(hex: String(decoding: bare[...end], as: UTF8.self)) else {
                throw Problem(number: number)
            }
            keys.insert(key)
        }
        return keys
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0d }
}
