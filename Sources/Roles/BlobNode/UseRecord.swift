import Files
import Hashing

/// A file that keeps over restarts when each blob was last used. Each line has a blob's digest and seconds since 1970.
package enum UseRecord {
    private static let mostBytes = 64 << 20

    package static func encode(_ uses: [(digest: SHA256Digest, usedAt: Double)]) -> [UInt8] {
        var text = ""
        for use in uses { text += "\(use.digest.hex) \(Int64(max(0, min(use.usedAt, 1e15))))\n" }
        return Array(text.utf8)
    }

    /// Malformed lines are left out.
    package static func parse(_ bytes: [UInt8]) -> [SHA256Digest: Double] {
        var uses: [SHA256Digest: Double] = [:]
        for line in bytes.split(separator: 0x0a) {
            let words = line.split(separator: 0x20)
            guard words.count == 2, let digest = SHA256Digest(hex: String(decoding: words[0], as: UTF8.self)),
                let seconds = Int64(String(decoding: words[1], as: UTF8.self)), seconds >= 0
            else { continue }
            uses[digest] = Double(seconds)
        }
        return uses
    }

    private static let name = FileName(own: "uses")

    /// Blocks.
    static func read(in directory: String) -> [SHA256Digest: Double] {
        guard let held = try? HeldDirectory.open(SystemPath(directory)),
            let bytes = try? held.read(name, limit: mostBytes).bytes
        else { return [:] }
        return parse(bytes)
    }

    /// Blocks.
    static func write(_ uses: [(digest: SHA256Digest, usedAt: Double)], in directory: String) throws(SystemError) {
        let held = try HeldDirectory.open(SystemPath(directory))
        try held.replace(name, with: encode(uses), temporary: .random(prefix: ".uses-"))
    }
}

extension BlobNode {
    /// Writes when each blob was last used, for the next start. Blocks.
    package func saveUses() {
        let uses = catalogue.leastRecentlyUsed.map { (digest: $0.digest, usedAt: $0.entry.usedAt) }
        do throws(SystemError) {
            try UseRecord.write(uses, in: directory.path)
        } catch {
            logger.debug("what was used when is not kept", metadata: ["reason": "\(error)"])
        }
    }

    /// Reads the times of last use that an earlier process wrote. Blocks.
    package func loadUses() {
        for (digest, usedAt) in UseRecord.read(in: directory.path) {
            guard let entry = catalogue.entry(of: digest), entry.usedAt < usedAt else { continue }
            catalogue.touch(digest, at: usedAt)
        }
    }
}
