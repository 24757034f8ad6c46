import Foundation

/// Content for tests: the same seed gives the same bytes.
enum SampleFiles {
    static func bytes(_ count: Int, seed: UInt64) -> Data {
        var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
        var words = [UInt64](repeating: 0, count: (count + 7) / 8)
        for index in words.indices {
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            words[index] = state
        }
        return words.withUnsafeBytes { Data($0.prefix(count)) }
    }

    /// One file of `count` bytes.
    @discardableResult
    static func file(_ path: String, _ count: Int, seed: UInt64 = 1) throws -> String {
        try FileManager.default.createDirectory(
            atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
        try bytes(count, seed: seed).write(to: URL(fileURLWithPath: path))
        return path
    }

    /// A directory with nested directories, names in several scripts, an executable and an empty file.
    /// - Parameter portable: leaves out what some clients replace in names (Transmission: double quotes).
    static func tree(_ path: String, largest: Int = 3 << 20, portable: Bool = false) throws -> String {
        try file(path + "/large.bin", largest, seed: 2)
        try file(path + "/a/b/c/deep.bin", 70_001, seed: 3)
        try file(path + "/影片/第一集.mxf", 300_000, seed: 4)
        try file(path + "/Müller & Söhne/it's \(portable ? "" : "\"quoted\" ")#1 100%.txt", 17, seed: 5)
        try file(path + "/empty", 0)
        try file(path + "/bin/tool", 1000, seed: 6)
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path + "/bin/tool")
        return path
    }

    /// Path to content (nil for a directory) and executable bit of everything below `root`, for comparison.
    static func snapshot(_ root: String) throws -> [String: Entry] {
        var entries: [String: Entry] = [:]
        let walker = FileManager.default.enumerator(atPath: root)
        if walker == nil || !isDirectory(root) { return ["": try entry(root)] }
        while let name = walker?.nextObject() as? String {
            entries[name] = try entry(root + "/" + name)
        }
        return entries
    }

    struct Entry: Equatable {
        let content: Data?
        let isExecutable: Bool
    }

    private static func entry(_ path: String) throws -> Entry {
        if isDirectory(path) { return Entry(content: nil, isExecutable: false) }
        return Entry(
            content: try Data(contentsOf: URL(fileURLWithPath: path)),
            isExecutable: FileManager.default.attributes(path)[.posixPermissions].map { ($0 as? Int ?? 0) & 0o100 != 0 }
                ?? false)
    }

    static func isDirectory(_ path: String) -> Bool {
        var isDirectory: ObjCBool = false
        return FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) && isDirectory.boolValue
    }

    /// The names in a directory, sorted.
    static func names(_ path: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: path).sorted()
    }

    static func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }

    /// Overwrites bytes in place.
    static func damage(_ path: String, at offset: UInt64, count: Int = 16) throws {
        let handle = try FileHandle(forUpdating: URL(fileURLWithPath: path))
        try handle.seek(toOffset: offset)
        try handle.write(contentsOf: Data(repeating: 0xA5, count: count))
        try handle.close()
    }
}

extension FileManager {
    fileprivate func attributes(_ path: String) -> [FileAttributeKey: Any] {
        (try? attributesOfItem(atPath: path)) ?? [:]
    }
}
