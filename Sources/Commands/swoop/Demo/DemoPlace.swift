import FoundationEssentials
import Glibc

/// The directory of a demo.
struct DemoPlace: Sendable {
    let path: String

    init() throws {
        let parent = Terminal.environment("TMPDIR").flatMap { $0.isEmpty ? nil : $0 } ?? "/tmp"
        var template = Array("\(parent)/swoop-demo-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw TorrentFile.failure("cannot make a directory in", parent) }
        path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    func directory(_ name: String) throws -> String {
        let full = "\(path)/\(name)"
        guard mkdir(full, 0o755) == 0 else { throw TorrentFile.failure("cannot make the directory", full) }
        return full
    }

    /// Throws, before anything is written, if the copies would not fit on the disk.
    func check(room bytes: Int) throws {
        var system = statvfs()
        guard statvfs(path, &system) == 0 else { return }
        let free = Int(
            clamping: UInt64(system.f_bavail).multipliedReportingOverflow(by: UInt64(system.f_frsize)).partialValue)
        guard free < bytes else { return }
        throw Failure(
            .disk, "the copies take \(HumanText.bytes(bytes)), but \(path) has room for \(HumanText.bytes(free))",
            advice: "Use fewer receivers, or name a larger file system with TMPDIR.")
    }

    func remove() { try? FileManager.default.removeItem(atPath: path) }
}
