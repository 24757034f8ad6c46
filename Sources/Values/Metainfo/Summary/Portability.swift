/// Problems that names cause on other systems. Linux accepts all of them; `create` and `show` warn.
public enum Portability {
    /// Why Windows cannot hold a name; nil if it can.
    public static func windowsProblem(_ name: PathComponent) -> String? {
        let bytes = name.bytes
        if let byte = bytes.first(where: { $0 < 0x20 || forbidden.contains($0) }) {
            return "has \(byte < 0x20 ? "a control character" : "'\(Character(Unicode.Scalar(byte)))'") in it"
        }
        if let last = bytes.last, last == UInt8(ascii: ".") || last == UInt8(ascii: " ") {
            return "ends with a dot or a space"
        }
        // A device name stays reserved with any extension: `aux.c` is AUX.
        let stem = bytes.prefix { $0 != UInt8(ascii: ".") }.map(upper)
        let trimmed = stem.reversed().drop { $0 == UInt8(ascii: " ") }.reversed()
        if isDevice(String(decoding: Array(trimmed), as: UTF8.self)) { return "is the name of a device" }
        return nil
    }

    private static let forbidden = Array("<>:\"\\|?*".utf8)

    private static func upper(_ byte: UInt8) -> UInt8 {
        byte >= UInt8(ascii: "a") && byte <= UInt8(ascii: "z") ? byte - 32 : byte
    }

    private static func isDevice(_ stem: String) -> Bool {
        if ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"].contains(stem) { return true }
        guard stem.hasPrefix("COM") || stem.hasPrefix("LPT") else { return false }
        let number = stem.dropFirst(3)
        return number.count == 1 && "123456789¹²³".contains(number)
    }

    /// Pairs of paths that are the same where case or Unicode normalisation is ignored (Windows, macOS), at most
    /// `limit` pairs. Includes directories.
    public static func collisions(among paths: some Sequence<SafePath>, limit: Int = 20) -> [(SafePath, SafePath)] {
        // `String` compares by canonical equivalence, which is needed here and only here.
        var seen: [String: ArraySlice<UInt8>] = [:]
        var found: [(SafePath, SafePath)] = []
        var lastParent: ArraySlice<UInt8> = []
        for path in paths {
            let bytes = path.bytes
            let parentEnd = bytes.lastIndex(of: UInt8(ascii: "/")) ?? 0
            let isNewParent = bytes[..<parentEnd] != lastParent
            lastParent = bytes[..<parentEnd]
            // In most cases the previous path had the same directories, and they have been checked with it.
            var end = isNewParent ? (bytes.firstIndex(of: UInt8(ascii: "/")) ?? bytes.count) : bytes.count
            while true {
                let prefix = bytes[..<end]
                let folded = String(decoding: prefix, as: UTF8.self).lowercased()
                if let other = seen[folded] {
                    if other != prefix {
                        found.append((SafePath(checked: Array(other)), SafePath(checked: Array(prefix))))
                        if found.count >= limit { return found }
                    }
                } else {
                    seen[folded] = prefix
                }
                guard end < bytes.count else { break }
                end = bytes[(end + 1)...].firstIndex(of: UInt8(ascii: "/")) ?? bytes.count
            }
        }
        return found
    }
}
