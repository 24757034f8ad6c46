import Metainfo

/// Names that other systems cannot store. They are kept; the user is warned.
package enum PortableNames {
    private static let reserved: Set<String> = Set(
        ["con", "prn", "aux", "nul", "conin$", "conout$"] + (1...9).flatMap { ["com\($0)", "lpt\($0)"] })
    private static let forbidden = Set("<>:\"\\|?*".utf8)

    /// Whether Windows refuses the name: a device name with any extension, a reserved character, or a dot or space at
    /// the end.
    package static func isRefusedByWindows(_ name: [UInt8]) -> Bool {
        if name.last == UInt8(ascii: ".") || name.last == UInt8(ascii: " ") { return true }
        if name.contains(where: { $0 < 0x20 || forbidden.contains($0) }) { return true }
        let stem = name.prefix { $0 != UInt8(ascii: ".") }
        guard (3...7).contains(stem.count) else { return false }
        return reserved.contains(String(decoding: stem, as: UTF8.self).lowercased())
    }

    /// Names that equal an earlier one except for case and normalisation, each with that earlier name.
    package static func collisions(among names: [[UInt8]]) -> [(first: [UInt8], second: [UInt8])] {
        // Swift compares strings by canonical equivalence, which is needed here.
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
