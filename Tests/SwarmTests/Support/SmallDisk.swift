import Foundation
import TestSupport

/// A small file system of its own in memory, for disks that fill up. Needs root.
final class SmallDisk: Sendable {
    let path: String

    init(bytes: Int) throws {
        path = NSTemporaryDirectory() + "swarm-disk-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        guard mount("tmpfs", path, "tmpfs", 0, "size=\(bytes)") == 0 else {
            throw TimedOut(description: "cannot mount a tmpfs: \(String(cString: strerror(errno)))")
        }
    }

    deinit {
        // Lazily: a failed test may have files open.
        _ = umount2(path, CInt(MNT_DETACH))
        rmdir(path)
    }

    static var isPossible: Bool { geteuid() == 0 }
}
