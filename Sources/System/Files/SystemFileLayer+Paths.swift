import CLinux
import Glibc

// Calls by path, for files that the user or the configuration names, and for scans.
extension SystemFileLayer {
    /// The last component is followed only with `.followSymlink`.
    package func open(_ path: SystemPath, _ options: OpenOptions = []) throws(SystemError) -> Descriptor {
        try openAt(AT_FDCWD, path.terminated, options)
    }

    package func openDirectory(path: SystemPath, followSymlink: Bool) throws(SystemError) -> Descriptor {
        let flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | (followSymlink ? 0 : O_NOFOLLOW)
        return try SystemCall.retrying { Glibc.open(path.terminated, flags) }
    }

    /// A directory that may be entered and not listed. What is opened this way cannot be synced.
    func openPassage(_ path: SystemPath) throws(SystemError) -> Descriptor {
        try SystemCall.retrying { Glibc.open(path.terminated, Linux.pathOnly | O_DIRECTORY | O_CLOEXEC) }
    }

    /// The same in a directory; a symlink is an error.
    func openPassage(_ name: FileName, in directory: Descriptor) throws(SystemError) -> Descriptor {
        try SystemCall.retrying {
            openat(directory, name.terminated, Linux.pathOnly | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        }
    }

    func openAt(_ directory: Descriptor, _ path: [CChar], _ options: OpenOptions) throws(SystemError) -> Descriptor {
        // O_NONBLOCK: opening a FIFO must not wait for its other end.
        var flags = O_CLOEXEC | O_NOCTTY | O_NONBLOCK
        if options.contains(.writeOnly) {
            flags |= O_WRONLY
        } else {
            flags |= options.contains(.write) ? O_RDWR : O_RDONLY
        }
        if options.contains(.create) { flags |= O_CREAT }
        if options.contains(.exclusive) { flags |= O_EXCL }
        if options.contains(.truncate) { flags |= O_TRUNC }
        if !options.contains(.followSymlink) { flags |= O_NOFOLLOW }
        var permissions: mode_t = options.contains(.executable) ? 0o755 : 0o644
        if options.contains(.hiddenFromOthers) { permissions &= 0o770 }
        return try SystemCall.retrying { openat(directory, path, flags, permissions) }
    }

    /// A symlink itself, not what it points to, unless asked.
    package func status(path: SystemPath, followSymlink: Bool = false) throws(SystemError) -> FileStatus {
        var answer = stat()
        try SystemCall.retrying {
            fstatat(AT_FDCWD, path.terminated, &answer, followSymlink ? 0 : AT_SYMLINK_NOFOLLOW)
        }
        return FileStatus(answer)
    }

    /// Whether surely nothing has that path.
    package func isMissing(_ path: SystemPath) -> Bool {
        do throws(SystemError) {
            _ = try status(path: path)
            return false
        } catch {
            return error.number == ENOENT || error.number == ENOTDIR
        }
    }

    /// Makes one directory, durably.
    /// - Throws: `EEXIST` when there is something of that name, `ENOENT` when the directory above is missing.
    package func makeDirectory(path: SystemPath, permissions: UInt32 = 0o755) throws(SystemError) {
        try SystemCall.retrying { mkdir(path.terminated, mode_t(permissions)) }
        var above = path.bytes
        while above.count > 1, above.last == UInt8(ascii: "/") { above.removeLast() }
        try HeldDirectory.open(SystemPath(above).split().directory).synchronize()
    }

    /// The names in a directory as bytes, without `.` and `..`, in the order of the file system.
    /// - Parameter followSymlink: whether the last component may be a symlink; otherwise that is an error.
    package func names(in path: SystemPath, followSymlink: Bool) throws(SystemError) -> [[UInt8]] {
        try names(ofOwned: openDirectory(path: path, followSymlink: followSymlink))
    }

    package func list(_ directory: Descriptor) throws(SystemError) -> [FileName] {
        // A descriptor of its own: reading a directory moves a position that a shared one would keep.
        let own = try openDirectory(.itself, in: directory, followSymlink: false)
        return try names(ofOwned: own).map { FileName(checked: $0[...]) }
    }

    /// - Parameter descriptor: closed by this call.
    private func names(ofOwned descriptor: Descriptor) throws(SystemError) -> [[UInt8]] {
        guard let stream = fdopendir(descriptor) else {
            let failure = SystemError.current
            close(descriptor)
            throw failure
        }
        defer { closedir(stream) }
        var names: [[UInt8]] = []
        while true {
            errno = 0
            guard let entry = readdir(stream) else {
                guard errno == 0 else { throw .current }
                return names
            }
            // The name is NUL-terminated and may be longer than the field that is declared for it.
            guard let field = MemoryLayout<dirent>.offset(of: \.d_name) else { continue }
            let start = UnsafeRawPointer(entry).advanced(by: field)
            let name = Array(
                UnsafeRawBufferPointer(start: start, count: strlen(start.assumingMemoryBound(to: CChar.self))))
            if name != [UInt8(ascii: ".")], name != [UInt8(ascii: "."), UInt8(ascii: ".")] { names.append(name) }
        }
    }

    /// The absolute path without links, `.` and `..`.
    package func canonicalPath(_ path: SystemPath) throws(SystemError) -> SystemPath {
        guard let resolved = realpath(path.terminated, nil) else { throw .current }
        defer { free(resolved) }
        return SystemPath(UnsafeRawBufferPointer(start: resolved, count: strlen(resolved)).map { $0 })
    }

    /// Lets two things change places in one step. Nothing is made durable.
    package func exchange(_ path: SystemPath, with other: SystemPath) throws(SystemError) {
        try SystemCall.retrying {
            linuxRenameAt2(AT_FDCWD, path.terminated, AT_FDCWD, other.terminated, Linux.renameExchange)
        }
    }

    /// Whether other machines may change the file system that a path is on, which inotify does not tell.
    package func isShared(_ path: SystemPath) -> Bool { swoop_is_shared_file_system(path.terminated) != 0 }

    /// The same of the file system that an open file is on: its bytes may come over a network each time.
    package func isShared(_ descriptor: Descriptor) -> Bool { swoop_is_on_shared_file_system(descriptor) != 0 }

    /// Whether a process of this machine has a file open for writing; nil where the kernel does not tell.
    /// - Parameter descriptor: opened for reading only.
    package func hasWriter(_ descriptor: Descriptor) -> Bool? {
        switch Int(swoop_has_writer(descriptor)) {
        case swoop_writer_none: false
        case swoop_writer_some: true
        default: nil
        }
    }
}
