import Glibc

/// The kernel's file systems.
package struct SystemFileLayer: FileLayer {
    package init() {}

    /// Runs a call again as long as a signal interrupts it.
    @discardableResult
    private func retrying<Value: SignedInteger>(_ call: () -> Value) throws(SystemError) -> Value {
        while true {
            let value = call()
            if value >= 0 { return value }
            if errno != EINTR { throw .current }
        }
    }

    package func openDirectory(path: String) throws(SystemError) -> Descriptor {
        try retrying { Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
    }

    package func makeDirectories(path: String) throws(SystemError) {
        let parts = path.split(separator: "/", omittingEmptySubsequences: true)
        var parent = path.hasPrefix("/") ? "/" : "./"
        for part in parts {
            let current = parent + part + "/"
            if mkdir(current, 0o777) == 0 {
                let descriptor = try openDirectory(path: parent)
                defer { close(descriptor) }
                try synchronize(descriptor, dataOnly: false)
            } else if errno != EEXIST {
                let failure = SystemError.current
                // A read-only or foreign directory above an existing one answers EROFS or EACCES before EEXIST.
                var status = stat()
                guard stat(current, &status) == 0 else { throw failure }
            }
            parent = current
        }
    }

    package func openDirectory(
        _ name: FileName, in directory: Descriptor, followSymlink: Bool
    ) throws(SystemError) -> Descriptor {
        let flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | (followSymlink ? 0 : O_NOFOLLOW)
        return try retrying { openat(directory, name.terminated, flags) }
    }

    package func open(_ name: FileName, in directory: Descriptor, _ options: OpenOptions) throws(SystemError)
        -> Descriptor
    {
        // O_NONBLOCK: opening a FIFO must not wait for its other end.
        var flags = O_CLOEXEC | O_NOCTTY | O_NONBLOCK
        flags |= options.contains(.write) ? O_RDWR : O_RDONLY
        if options.contains(.create) { flags |= O_CREAT }
        if options.contains(.exclusive) { flags |= O_EXCL }
        if options.contains(.truncate) { flags |= O_TRUNC }
        if !options.contains(.followSymlink) { flags |= O_NOFOLLOW }
        let permissions: mode_t = options.contains(.executable) ? 0o755 : 0o644
        return try retrying { openat(directory, name.terminated, flags, permissions) }
    }

    package func close(_ descriptor: Descriptor) { _ = Glibc.close(descriptor) }

    package func read(
        _ descriptor: Descriptor, into buffer: UnsafeMutableRawBufferPointer, at offset: Int64
    ) throws(SystemError) -> Int {
        guard let base = buffer.baseAddress else { return 0 }
        var done = 0
        while done < buffer.count {
            let count = try retrying { pread(descriptor, base + done, buffer.count - done, Int(offset) + done) }
            if count == 0 { break }
            done += count
        }
        return done
    }

    package func write(_ descriptor: Descriptor, _ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(SystemError)
    {
        guard let base = bytes.baseAddress else { return }
        var done = 0
        while done < bytes.count {
            let count = try retrying { pwrite(descriptor, base + done, bytes.count - done, Int(offset) + done) }
            // A regular file never takes 0 bytes without an error; should one, waiting for it would never end.
            if count == 0 { throw SystemError(EIO) }
            done += count
        }
    }

    package func synchronize(_ descriptor: Descriptor, dataOnly: Bool) throws(SystemError) {
        try retrying { dataOnly ? fdatasync(descriptor) : fsync(descriptor) }
    }

    package func synchronizeFileSystem(_ descriptor: Descriptor) throws(SystemError) {
        try retrying { linuxSyncFS(descriptor) }
    }

    package func truncate(_ descriptor: Descriptor, to length: Int64) throws(SystemError) {
        try retrying { ftruncate(descriptor, Int(length)) }
    }

    package func allocate(_ descriptor: Descriptor, length: Int64) throws(SystemError) {
        try retrying { linuxFallocate(descriptor, 0, 0, Int(length)) }
    }

    package func freeSpace(_ descriptor: Descriptor) throws(SystemError) -> Int64 {
        var answer = statvfs()
        try retrying { fstatvfs(descriptor, &answer) }
        let (bytes, overflow) = UInt64(answer.f_bavail).multipliedReportingOverflow(by: UInt64(answer.f_frsize))
        return overflow ? .max : Int64(clamping: bytes)
    }

    package func status(_ descriptor: Descriptor) throws(SystemError) -> FileStatus {
        var answer = stat()
        try retrying { fstat(descriptor, &answer) }
        return FileStatus(answer)
    }

    package func status(
        _ name: FileName, in directory: Descriptor, followSymlink: Bool
    ) throws(SystemError) -> FileStatus? {
        var answer = stat()
        do {
            try retrying { fstatat(directory, name.terminated, &answer, followSymlink ? 0 : AT_SYMLINK_NOFOLLOW) }
        } catch  where error.number == ENOENT {
            return nil
        }
        return FileStatus(answer)
    }

    package func makeDirectory(_ name: FileName, in directory: Descriptor) throws(SystemError) {
        try retrying { mkdirat(directory, name.terminated, 0o755) }
    }

    package func rename(
        _ name: FileName, in directory: Descriptor, to newName: FileName, in newDirectory: Descriptor,
        _ mode: RenameMode
    ) throws(SystemError) {
        try retrying {
            switch mode {
            case .replace: renameat(directory, name.terminated, newDirectory, newName.terminated)
            case .noReplace:
                linuxRenameAt2(directory, name.terminated, newDirectory, newName.terminated, Linux.renameNoReplace)
            case .exchange:
                linuxRenameAt2(directory, name.terminated, newDirectory, newName.terminated, Linux.renameExchange)
            }
        }
    }

    package func link(
        _ name: FileName, in directory: Descriptor, to newName: FileName, in newDirectory: Descriptor
    ) throws(SystemError) {
        try retrying { linkat(directory, name.terminated, newDirectory, newName.terminated, 0) }
    }

    package func remove(_ name: FileName, in directory: Descriptor, isDirectory: Bool) throws(SystemError) {
        try retrying { unlinkat(directory, name.terminated, isDirectory ? AT_REMOVEDIR : 0) }
    }

    package func lock(_ descriptor: Descriptor) throws(SystemError) -> Bool {
        do {
            try retrying { flock(descriptor, LOCK_EX | LOCK_NB) }
            return true
        } catch  where error.number == EWOULDBLOCK {
            return false
        }
    }
}
