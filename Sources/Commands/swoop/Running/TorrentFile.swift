import Authoring
import Glibc
import Metainfo

/// Reads and writes torrent files.
enum TorrentFile {
    /// A torrent of 100,000 files takes about 10 MiB; larger files than this are refused.
    static let maxBytes = 64 << 20

    static func read(_ path: String) throws -> Torrent {
        try parse(try bytes(of: path), from: path)
    }

    /// - Parameter place: named in errors.
    static func parse(_ bytes: [UInt8], from place: String) throws -> Torrent {
        do {
            return try Torrent.parse(bytes)
        } catch {
            throw Failure(
                .usage, "\(place.shown): \(error)", advice: "Is it a .torrent file, and did all of it arrive?")
        }
    }

    /// Reads a whole file, up to `maxBytes`.
    static func bytes(of path: String) throws -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure("cannot open", path) }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 20)
        while true {
            let count = Glibc.read(descriptor, &chunk, chunk.count)
            guard count >= 0 else {
                if errno == EINTR { continue }
                throw failure("cannot read", path)
            }
            guard count > 0 else { return bytes }
            bytes += chunk[..<count]
            guard bytes.count <= maxBytes else {
                throw Failure(.usage, "\(path.shown) is larger than 64 MiB")
            }
        }
    }

    /// Writes to a file beside `path` and renames it, so that a reader sees the old file, the complete new one, or
    /// none.
    static func write(_ bytes: [UInt8], to path: String) throws {
        // Never writes to a file or through a link that another process put there.
        var temporary = ""
        var descriptor: Int32 = -1
        for attempt in 0..<100 {
            temporary = OwnOutput.temporaryPath(for: path, number: Int(getpid()) * 100 + attempt)
            descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o644)
            guard descriptor < 0, errno == EEXIST else { break }
        }
        guard descriptor >= 0 else { throw failure("cannot create", path) }
        var written = true
        var rest = bytes[...]
        while !rest.isEmpty, written {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count > 0 { rest = rest.dropFirst(count) } else { written = errno == EINTR }
        }
        let problem = written ? nil : failure("cannot write", path)
        let closed = close(descriptor) == 0
        guard problem == nil, closed, rename(temporary, path) == 0 else {
            let problem = problem ?? failure("cannot write", path)
            unlink(temporary)
            throw problem
        }
    }

    /// Checks that a file can be created at `path`, before hours are spent on its contents.
    static func checkWritable(_ path: String) throws {
        let directory = path.lastIndex(of: "/").map { path[...$0] } ?? "."
        guard access(String(directory), W_OK | X_OK) == 0 else { throw failure("cannot create", path) }
        var status = stat()
        guard path.hasSuffix("/") || stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR else { return }
        throw Failure(.usage, "\(path.shown) is a directory", advice: "Give the name of the file to write.")
    }

    static func isDirectory(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    static func checkExists(_ path: String) throws {
        guard access(path, F_OK) == 0 else { throw failure("cannot open", path) }
    }

    /// `errno` as a failure with the matching exit status.
    static func failure(_ what: String, _ path: String) -> Failure {
        let code = errno
        return Failure(Failure.status(code), "\(what) \(path.shown): \(systemText(code))")
    }
}
