import Foundation

/// A directory of a test's own. It is removed, with everything in it, when the last reference to it goes.
package final class TemporaryDirectory: Sendable {
    package let path: String

    /// - Parameters:
    ///   - base: the directory to be in; nil for the system's place for such.
    ///   - inMemory: without `base`, in `/dev/shm` where that exists: a sync of a busy disk takes seconds.
    package init(in base: String? = nil, inMemory: Bool = false) throws {
        let isThere = inMemory && access("/dev/shm", W_OK | X_OK) == 0
        // Without a slash at its end: what is tested compares paths.
        let system = NSTemporaryDirectory()
        let base = base ?? (isThere ? "/dev/shm" : system.hasSuffix("/") ? String(system.dropLast()) : system)
        var template = Array("\(base)/swoop-test-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw SystemFailure("mkdtemp in \(base)") }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit { Self.remove(path) }

    // MARK: Paths

    /// The path of a name inside. Nothing is made.
    package func path(_ name: String) -> String { path + "/" + name }

    /// A path inside; the directories on the way are made.
    package func file(_ name: String) throws -> String {
        if let cut = name.lastIndex(of: "/") { try makeDirectory(String(name[..<cut])) }
        return path(name)
    }

    /// A directory inside; it and those on the way are made.
    package func directory(_ name: String) throws -> String {
        try makeDirectory(name)
        return path(name)
    }

    // MARK: Files

    package func makeDirectory(_ name: String) throws {
        var made = path
        for component in name.split(separator: "/") {
            made += "/" + component
            guard mkdir(made, 0o755) == 0 || errno == EEXIST else { throw SystemFailure("mkdir \(made)") }
        }
    }

    /// Writes a file; the directories on the way are made.
    package func write(_ name: String, _ bytes: [UInt8], mode: mode_t = 0o644) throws {
        let descriptor = open(try file(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode)
        guard descriptor >= 0 else { throw SystemFailure("open \(name)") }
        defer { close(descriptor) }
        var done = 0
        while done < bytes.count {
            let count = bytes[done...].withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            guard count > 0 else { throw SystemFailure("write \(name)") }
            done += count
        }
    }

    package func write(_ name: String, _ text: String, mode: mode_t = 0o644) throws {
        try write(name, Array(text.utf8), mode: mode)
    }

    /// A file of `size` bytes, all of them a hole.
    package func makeSparse(_ name: String, size: Int) throws {
        try write(name, [])
        guard truncate(path(name), size) == 0 else { throw SystemFailure("truncate \(name)") }
    }

    package func makeLink(_ name: String, to target: String) throws {
        guard symlink(target, path(name)) == 0 else { throw SystemFailure("symlink \(name)") }
    }

    /// The bytes of a file; nil when there is none.
    package func read(_ name: String) -> [UInt8]? { FileManager.default.contents(atPath: path(name)).map { Array($0) } }

    package func exists(_ name: String) -> Bool { FileManager.default.fileExists(atPath: path(name)) }

    /// When a file, or what the system notes of it, last changed: nanoseconds of the file system's clock.
    package func changeTime(_ name: String) throws -> Int64 {
        var status = stat()
        guard lstat(path(name), &status) == 0 else { throw SystemFailure("stat \(name)") }
        return Int64(status.st_ctim.tv_sec) * 1_000_000_000 + Int64(status.st_ctim.tv_nsec)
    }

    /// The names in a directory, sorted.
    package func names(_ directory: String) -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: path(directory))) ?? []).sorted()
    }

    // MARK: The end

    /// Removes a file or a directory with everything in it. Links are not followed, and names need not be UTF-8.
    package static func remove(_ path: String) { remove(path.utf8CString.map { $0 }) }

    /// - Parameter path: ends with a zero.
    private static func remove(_ path: [CChar]) {
        var status = stat()
        if lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR {
            for name in names(path) { remove(path.dropLast() + [CChar(bitPattern: UInt8(ascii: "/"))] + name) }
        }
        _ = Glibc.remove(path)
    }

    /// What a directory holds but `.` and `..`, each ended by a zero; nothing when it cannot be read.
    /// - Parameter path: ends with a zero.
    package static func names(_ path: [CChar]) -> [[CChar]] {
        guard let directory = opendir(path), let field = MemoryLayout<dirent>.offset(of: \.d_name) else { return [] }
        defer { closedir(directory) }
        var names: [[CChar]] = []
        while let entry = readdir(directory) {
            // An entry ends behind its name. Its field is declared for the longest one, so that to take that as a whole reads
            // beyond the buffer, and ends the process where no memory follows.
            let start = UnsafeRawPointer(entry).advanced(by: field).assumingMemoryBound(to: CChar.self)
            let name = Array(UnsafeBufferPointer(start: start, count: strlen(start) + 1))
            if name != [46, 0], name != [46, 46, 0] { names.append(name) }
        }
        return names
    }
}

/// Runs `body` with the path of a new directory, which is removed afterwards.
package func withDirectory<Result>(
    isolation: isolated (any Actor)? = #isolation, _ body: (String) async throws -> Result
) async throws -> Result {
    let directory = try TemporaryDirectory()
    defer { withExtendedLifetime(directory) {} }
    return try await body(directory.path)
}

/// A system call that a helper needed and that failed.
package struct SystemFailure: Error, CustomStringConvertible {
    package let description: String

    package init(_ what: String, _ number: CInt = errno) {
        description = "\(what): \(String(cString: strerror(number)))"
    }
}
