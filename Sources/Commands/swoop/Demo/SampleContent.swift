import Glibc
import Text

/// A directory with various kinds of entries: nested directories, names in several scripts, an executable, an empty
/// file.
enum SampleContent {
    private static let mib = 1 << 20
    private static let files: [(path: String, bytes: Int)] = [
        ("reels/reel-1.bin", 32 * mib), ("reels/reel-2.bin", 12 * mib), ("reels/第三卷.bin", 3 * mib + 17),
        ("subtitles/Ελληνικά/main.txt", 40_000), ("subtitles/Français/à voir.txt", 30_000),
        ("notes/empty", 0),
    ]

    /// A package like those for cinemas: a dozen tracks of about the same size, and lists of them. The tracks are
    /// random bytes.
    static func makePackage(in directory: String) throws -> String {
        let root = "\(directory)/swoop-sample-package"
        for number in 1...6 {
            for (kind, bytes) in [("picture", 5 * mib), ("sound", 3 * mib)] {
                let seed = UInt64(number * 2 + (kind == "sound" ? 1 : 0) + 100)
                try write(random(bytes + number * 1001, seed: seed), to: "\(root)/\(kind)-\(number).mxf", mode: 0o644)
            }
        }
        for (seed, name) in ["ASSETMAP.xml", "CPL.xml", "PKL.xml", "VOLINDEX.xml"].enumerated() {
            try write(random(900 + seed * 300, seed: UInt64(seed) + 200), to: "\(root)/\(name)", mode: 0o644)
        }
        return root
    }

    static func make(in directory: String) throws -> String {
        let root = "\(directory)/swoop-sample"
        for (number, file) in files.enumerated() {
            try write(random(file.bytes, seed: UInt64(number) + 1), to: "\(root)/\(file.path)", mode: 0o644)
        }
        try write(Array("#!/bin/sh\necho delivered\n".utf8), to: "\(root)/tools/hello", mode: 0o755)
        return root
    }

    private static func write(_ bytes: [UInt8], to path: String, mode: mode_t) throws {
        var parent = ""
        for part in path.split(separator: "/").dropLast() {
            parent += "/\(part)"
            guard mkdir(parent, 0o755) == 0 || errno == EEXIST else { throw TorrentFile.failure("cannot make", parent) }
        }
        try TorrentFile.write(bytes, to: path, isDurable: false)
        guard chmod(path, mode) == 0 else { throw TorrentFile.failure("cannot make executable", path) }
    }

    /// Random bytes, which do not compress. The same seed gives the same bytes.
    private static func random(_ count: Int, seed: UInt64) -> [UInt8] {
        var generator = SeededGenerator(seed: seed)
        let words = (0..<(count + 7) / 8).map { _ in generator.next() }
        return words.withUnsafeBytes { Array($0.prefix(count)) }
    }
}
