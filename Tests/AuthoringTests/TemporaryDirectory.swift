import Glibc
import Text

@testable import Authoring

/// A directory of its own for a test, removed with all that is in it when the value goes.
final class TemporaryDirectory: Sendable {
    let path: String

    init() throws {
        var template = Array("/tmp/swoop-authoring-XXXXXX".utf8CString)
        guard let made = template.withUnsafeMutableBufferPointer({ $0.baseAddress.flatMap { mkdtemp($0) } }) else {
            throw Failure(what: "mkdtemp", error: errno)
        }
        path = String(cString: made)
    }

    struct Failure: Error {
        let what: String
        let error: Int32
    }

    deinit { Self.removeAll(Array(path.utf8)) }

    /// Removes what is in a directory before the directory; links are not followed.
    private static func removeAll(_ path: [UInt8]) {
        if let status = try? SystemCalls.status(path, follow: false), FileKind(status) == .directory {
            for name in (try? SystemCalls.names(in: path)) ?? [] { removeAll(path + [UInt8(ascii: "/")] + name) }
        }
        remove(path.map { CChar(bitPattern: $0) } + [0])
    }

    func path(_ name: String) -> String { path + "/" + name }

    func makeDirectory(_ name: String) throws {
        guard mkdir(path(name), 0o755) == 0 || errno == EEXIST else { throw Failure(what: "mkdir", error: errno) }
    }

    /// Writes a file, making the directories on the way to it.
    func write(_ name: String, _ bytes: [UInt8], mode: mode_t = 0o644) throws {
        let components = name.split(separator: "/")
        for count in 1..<max(1, components.count) {
            try makeDirectory(components[..<count].joined(separator: "/"))
        }
        let descriptor = open(path(name), O_WRONLY | O_CREAT | O_TRUNC, mode)
        guard descriptor >= 0 else { throw Failure(what: "open \(name)", error: errno) }
        defer { close(descriptor) }
        var done = 0
        while done < bytes.count {
            let count = bytes[done...].withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            guard count > 0 else { throw Failure(what: "write \(name)", error: errno) }
            done += count
        }
    }

    func write(_ name: String, _ text: String, mode: mode_t = 0o644) throws {
        try write(name, Array(text.utf8), mode: mode)
    }

    func makeLink(_ name: String, to target: String) throws {
        guard symlink(target, path(name)) == 0 else { throw Failure(what: "symlink \(name)", error: errno) }
    }

    /// A file of `size` bytes, all of them a hole.
    func makeSparse(_ name: String, size: Int) throws {
        try write(name, [])
        guard truncate(path(name), size) == 0 else { throw Failure(what: "truncate \(name)", error: errno) }
    }
}

extension SeededGenerator {
    init(_ seed: UInt64) { self.init(seed: seed) }

    mutating func bytes(_ count: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count + 8)
        while bytes.count < count { withUnsafeBytes(of: next()) { bytes.append(contentsOf: $0) } }
        return Array(bytes[..<count])
    }
}
