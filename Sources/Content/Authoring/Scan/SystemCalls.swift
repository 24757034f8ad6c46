import Glibc
import Storage

/// The few system calls of this module, with paths as bytes.
enum SystemCalls {
    /// `SEEK_DATA` of lseek(2), which the Glibc module leaves out.
    static let seekData: Int32 = 3

    static var lastError: SystemError { SystemError(errno) }

    /// `path` as a C string. A NUL in it would cut it short: names are checked for that before.
    private static func terminated(_ path: [UInt8]) -> [CChar] {
        path.map { CChar(bitPattern: $0) } + [0]
    }

    static func status(_ path: [UInt8], follow: Bool) throws(SystemError) -> stat {
        var status = stat()
        guard fstatat(AT_FDCWD, terminated(path), &status, follow ? 0 : AT_SYMLINK_NOFOLLOW) == 0 else {
            throw lastError
        }
        return status
    }

    static func status(_ descriptor: Int32) throws(SystemError) -> stat {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw lastError }
        return status
    }

    /// Opens for reading. A FIFO does not block.
    static func open(_ path: [UInt8]) throws(SystemError) -> Int32 {
        while true {
            let descriptor = Glibc.open(terminated(path), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
            if descriptor >= 0 { return descriptor }
            guard errno == EINTR else { throw lastError }
        }
    }

    /// Reads until `buffer` is full or the file ends; answers the bytes read.
    static func read(
        _ descriptor: Int32, into buffer: UnsafeMutableRawBufferPointer, at offset: Int64
    ) throws(SystemError) -> Int {
        var done = 0
        while done < buffer.count {
            let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[done...])
            let count = pread(descriptor, rest.baseAddress, rest.count, off_t(offset) + done)
            if count == 0 { break }
            if count > 0 {
                done += count
            } else if errno != EINTR {
                throw lastError
            }
        }
        return done
    }

    /// The names in a directory, as the system lists them, without `.` and `..`.
    static func names(in directory: [UInt8]) throws(SystemError) -> [[UInt8]] {
        guard let stream = opendir(terminated(directory)) else { throw lastError }
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
            let name = UnsafeRawPointer(entry).advanced(by: field).assumingMemoryBound(to: UInt8.self)
            var length = 0
            while name[length] != 0 { length += 1 }
            let bytes = Array(UnsafeBufferPointer(start: name, count: length))
            if bytes != [UInt8(ascii: ".")], bytes != [UInt8(ascii: "."), UInt8(ascii: ".")] { names.append(bytes) }
        }
    }

    /// The absolute path without links, `.` and `..`.
    static func resolved(_ path: [UInt8]) throws(SystemError) -> [UInt8] {
        guard let text = realpath(terminated(path), nil) else { throw lastError }
        defer { free(text) }
        return UnsafeBufferPointer(start: text, count: strlen(text)).map { UInt8(bitPattern: $0) }
    }
}

extension FileIdentity {
    init(_ status: stat) {
        self.init(
            device: UInt64(truncatingIfNeeded: status.st_dev), inode: UInt64(truncatingIfNeeded: status.st_ino),
            size: Int64(status.st_size), seconds: Int64(status.st_mtim.tv_sec),
            nanoseconds: Int64(status.st_mtim.tv_nsec))
    }
}

/// What a path leads to.
enum FileKind: Equatable {
    case file, directory, symlink
    /// What it is, with an article.
    case special(String)

    init(_ status: stat) {
        self =
            switch status.st_mode & S_IFMT {
            case S_IFREG: .file
            case S_IFDIR: .directory
            case S_IFLNK: .symlink
            case S_IFIFO: .special("a FIFO")
            case S_IFSOCK: .special("a socket")
            case S_IFCHR, S_IFBLK: .special("a device")
            default: .special("no ordinary file")
            }
    }
}
