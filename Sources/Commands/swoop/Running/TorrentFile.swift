import Authoring
import Files
import Glibc
import Metainfo

/// Reads and writes torrent files.
enum TorrentFile {
    /// A torrent of 100,000 files takes about 10 MiB; larger files than this are refused.
    static let maxBytes = 64 << 20

    static func read(_ path: String, mayWait: Bool = true) throws -> Torrent {
        try parse(try bytes(of: path, mayWait: mayWait), from: path)
    }

    /// - Parameter place: the path or URL of the torrent, for errors.
    static func parse(_ bytes: [UInt8], from place: String) throws -> Torrent {
        do {
            return try Torrent.parse(bytes)
        } catch {
            throw Failure(
                .usage, "\(place.shown): \(error)", advice: "Is it a .torrent file, and did all of it arrive?")
        }
    }

    /// Reads a whole file, up to `maxBytes`. A link is followed.
    /// - Parameter mayWait: whether the path may be that of a pipe, which is then read until its other end is closed.
    ///   If false, only a regular file is read.
    static func bytes(of path: String, mayWait: Bool = true) throws -> [UInt8] {
        let file: HeldFile
        do throws(SystemError) { file = try HeldFile(SystemPath(path), .followSymlink) } catch {
            throw failure("cannot open", path, error)
        }
        do throws(SystemError) {
            switch try file.status().kind {
            case .file: return try file.readAll(limit: maxBytes)
            case .directory: throw SystemError(EISDIR)
            case .symlink, .other:
                if mayWait { return try file.readStream(limit: maxBytes) }
            }
        } catch {
            if error.number == EFBIG { throw Failure(.usage, "\(path.shown) is larger than 64 MiB") }
            throw failure("cannot read", path, error)
        }
        throw Failure(.usage, "\(path.shown) is no ordinary file")
    }

    /// Writes next to `path` and renames, so that a reader sees the old file, the whole new one, or none.
    /// - Parameters:
    ///   - isDurable: whether to wait until the file is on disk. False for a file that can be made again.
    ///   - mode: the file's permissions from its first byte on, at most 0660; nil for the usual ones.
    static func write(_ bytes: [UInt8], to path: String, isDurable: Bool = true, mode: mode_t? = nil) throws {
        let (text, process) = (Array(path.utf8), Int(getpid()) * 100)
        let slash = text.lastIndex(of: UInt8(ascii: "/")).map { $0 + 1 } ?? 0
        // A scan of content recognises such temporary names, in case this process ends before the rename.
        let temporary = AtomicFile.Temporary.free { attempt in
            FileName(Array(OwnOutput.temporaryPath(for: path, number: process + attempt).utf8)[slash...])
        }
        var isCreated = false
        do throws(SystemError) {
            let (directory, name) = try HeldDirectory.holding(SystemPath(path))
            var file = try directory.replacement(
                name, temporary: temporary, mode == nil ? .writeOnly : [.writeOnly, .hiddenFromOthers])
            isCreated = true
            if let mode, fchmod(file.descriptor, mode) != 0 { throw .current }
            try file.write(bytes)
            try file.commit(isDurable: isDurable)
        } catch {
            throw failure(isCreated ? "cannot write" : "cannot create", path, error)
        }
    }

    /// Checks that a file can be created at `path`, before hours are spent on its contents.
    static func checkWritable(_ path: String) throws {
        let directory = path.lastIndex(of: "/").map { path[...$0] } ?? "."
        guard access(String(directory), W_OK | X_OK) == 0 else { throw failure("cannot create", path) }
        guard path.hasSuffix("/") || isDirectory(path) else { return }
        throw Failure(.usage, "\(path.shown) is a directory", advice: "Give the name of the file to write.")
    }

    static func isDirectory(_ path: String) -> Bool {
        (try? SystemFileLayer().status(path: SystemPath(path), followSymlink: true))?.kind == .directory
    }

    static func checkExists(_ path: String) throws {
        guard access(path, F_OK) == 0 else { throw failure("cannot open", path) }
    }

    /// `errno` as a failure with the fitting status.
    static func failure(_ what: String, _ path: String) -> Failure { failure(what, path, .current) }

    static func failure(_ what: String, _ path: String, _ error: SystemError) -> Failure {
        Failure(Failure.status(error.number), "\(what) \(path.shown): \(error)")
    }
}
