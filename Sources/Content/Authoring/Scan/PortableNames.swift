import Metainfo

/// Which names other systems cannot hold. They stay as they are; whoever makes the torrent is told.
enum PortableNames {
    private static let reserved: Set<String> = Set(
        ["con", "prn", "aux", "nul", "conin$", "conout$"] + (1...9).flatMap { ["com\($0)", "lpt\($0)"] })
    private static let forbidden = Set("<>:\"\\|?*".utf8)

    /// Whether Windows refuses the name: a device's name with any ending, a character that it keeps for itself, or a
    /// dot or space at the end.
    static func isRefusedByWindows(_ name: [UInt8]) -> Bool {
        if name.last == UInt8(ascii: ".") || name.last == UInt8(ascii: " ") { return true }
        if name.contains(where: { $0 < 0x20 || forbidden.contains($0) }) { return true }
        let stem = name.prefix { $0 != UInt8(ascii: ".") }
        guard (3...7).contains(stem.count) else { return false }
        return reserved.contains(String(decoding: stem, as: UTF8.self).lowercased())
    }

    /// The names that are equal to an earlier one of `names` but for case and normalisation, with that one.
    static func collisions(among names: [[UInt8]]) -> [(first: [UInt8], second: [UInt8])] {
        // Swift compares strings by canonical equivalence, which is just what is wanted here.
        var seen: [String: [UInt8]] = [:]
        seen.reserveCapacity(names.count)
        return names.compactMap { name in
            let folded = String(decoding: name, as: UTF8.self).lowercased()
            guard let first = seen[folded] else {
                seen[folded] = name
                return nil
            }
            return (first, name)
        }
    }
}
