import CLinux
import Glibc
import Storage

/// The few system calls of hashing and scanning, with paths as bytes. Writing goes through Storage's `FileLayer`.
enum FileCalls {
    static var lastError: SystemError { SystemError(errno) }

    /// A symlink itself, not what it points to.
    static func status(_ path: AbsolutePath, follow: Bool = false) throws(SystemError) -> FileStatus {
        var answer = stat()
        guard fstatat(AT_FDCWD, path.terminated, &answer, follow ? 0 : AT_SYMLINK_NOFOLLOW) == 0 else {
            throw lastError
        }
        return FileStatus(of: answer)
    }

    static func status(_ descriptor: Int32) throws(SystemError) -> FileStatus {
        var answer = stat()
        guard fstat(descriptor, &answer) == 0 else { throw lastError }
        return FileStatus(of: answer)
    }

    /// Whether surely nothing has that path.
    static func isMissing(_ path: AbsolutePath) -> Bool {
        do throws(SystemError) {
            _ = try status(path)
            return false
        } catch {
            return error.number == ENOENT || error.number == ENOTDIR
        }
    }

    /// Whether other machines may change the file system that a path is on, which inotify does not tell.
    static func isShared(_ path: AbsolutePath) -> Bool { swoop_is_shared_file_system(path.terminated) != 0 }

    /// Opens a file for reading. A symlink is an error, a FIFO does not block.
    static func open(_ path: AbsolutePath) throws(SystemError) -> Int32 {
        while true {
            let descriptor = Glibc.open(path.terminated, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW)
            if descriptor >= 0 { return descriptor }
            guard errno == EINTR else { throw lastError }
        }
    }

    /// Reads until `buffer` is full or the file ends; answers the bytes read.
    static func read(
        _ descriptor: Int32, into buffer: UnsafeMutableRawBufferPointer, at offset: Int64
    ) throws(SystemError) -> Int {
        guard let base = buffer.baseAddress else { return 0 }
        var done = 0
        while done < buffer.count {
            let count = pread(descriptor, base + done, buffer.count - done, off_t(offset) + done)
            if count == 0 { break }
            if count > 0 {
                done += count
            } else if errno != EINTR {
                throw lastError
            }
        }
        return done
    }

    /// What a directory holds, names only, without `.` and `..`. A symlink to a directory is an error unless followed.
    static func names(in directory: AbsolutePath, follow: Bool) throws(SystemError) -> [[UInt8]] {
        let flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | (follow ? 0 : O_NOFOLLOW)
        let descriptor = Glibc.open(directory.terminated, flags)
        guard descriptor >= 0 else { throw lastError }
        guard let stream = fdopendir(descriptor) else {
            let failure = lastError
            close(descriptor)
            throw failure
        }
        defer { closedir(stream) }
        var names: [[UInt8]] = []
        while true {
            errno = 0
            guard let entry = readdir(stream) else {
                guard errno == 0 else { throw lastError }
                return names
            }
            // The name is NUL-terminated and may be longer than the field that is declared for it.
            guard let field = MemoryLayout<dirent>.offset(of: \.d_name) else { continue }
            let name = UnsafeRawPointer(entry).advanced(by: field).assumingMemoryBound(to: CChar.self)
            let bytes = UnsafeBufferPointer(start: name, count: strlen(name)).map { UInt8(bitPattern: $0) }
            if !bytes.elementsEqual(".".utf8), !bytes.elementsEqual("..".utf8) { names.append(bytes) }
        }
    }
}

extension FileStatus {
    init(of answer: stat) {
        let kind: Kind =
            switch answer.st_mode & S_IFMT {
            case S_IFREG: .file
            case S_IFDIR: .directory
            case S_IFLNK: .symlink
            default: .other
            }
        let (seconds, overflow) = Int64(answer.st_mtim.tv_sec).multipliedReportingOverflow(by: 1_000_000_000)
        self.init(
            kind: kind, size: Int64(answer.st_size),
            modified: overflow ? .max : seconds &+ Int64(answer.st_mtim.tv_nsec),
            inode: UInt64(truncatingIfNeeded: answer.st_ino), device: UInt64(truncatingIfNeeded: answer.st_dev),
            links: UInt64(truncatingIfNeeded: answer.st_nlink))
    }
}
