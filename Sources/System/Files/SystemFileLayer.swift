import Glibc

/// The kernel's file systems.
package struct SystemFileLayer: FileLayer {
    package init() {}

    package func openDirectory(path: SystemPath) throws(SystemError) -> Descriptor {
        try openDirectory(path: path, followSymlink: true)
    }

    package func makeDirectories(path: SystemPath) throws(SystemError) {
        let slash = UInt8(ascii: "/")
        let bytes = path.bytes
        var parent = bytes.first == slash ? [slash] : Array("./".utf8)
        for part in bytes.split(separator: slash) {
            let current = parent + part + [slash]
            let isNew: Bool
            do throws(SystemError) {
                try SystemCall.retrying { mkdir(SystemPath(current).terminated, 0o777) }
                isNew = true
            } catch {
                // A read-only or foreign directory above an existing one answers EROFS or EACCES before EEXIST.
                guard
                    error.number == EEXIST || (try? status(path: SystemPath(current), followSymlink: true)) != nil
                else { throw error }
                isNew = false
            }
            if isNew { try HeldDirectory.open(SystemPath(parent)).synchronize() }
            parent = current
        }
    }

    package func openDirectory(
        _ name: FileName, in directory: Descriptor, followSymlink: Bool
    ) throws(SystemError) -> Descriptor {
        let flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | (followSymlink ? 0 : O_NOFOLLOW)
        return try SystemCall.retrying { openat(directory, name.terminated, flags) }
    }

    package func open(_ name: FileName, in directory: Descriptor, _ options: OpenOptions) throws(SystemError)
        -> Descriptor
    {
        try openAt(directory, name.terminated, options)
    }

    package func close(_ descriptor: Descriptor) { _ = Glibc.close(descriptor) }

    package func read(
        _ descriptor: Descriptor, into buffer: UnsafeMutableRawBufferPointer, at offset: Int64
    ) throws(SystemError) -> Int {
        guard let base = buffer.baseAddress else { return 0 }
        return try SystemCall.whole(buffer.count) { done in
            pread(descriptor, base + done, buffer.count - done, Int(offset) + done)
        }
    }

    package func write(_ descriptor: Descriptor, _ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(SystemError)
    {
        guard let base = bytes.baseAddress else { return }
        let done = try SystemCall.whole(bytes.count) { done in
            pwrite(descriptor, base + done, bytes.count - done, Int(offset) + done)
        }
        // A regular file never takes 0 bytes without an error; should one, waiting for it would never end.
        if done < bytes.count { throw SystemError(EIO) }
    }

    package func synchronize(_ descriptor: Descriptor, dataOnly: Bool) throws(SystemError) {
        try SystemCall.retrying { dataOnly ? fdatasync(descriptor) : fsync(descriptor) }
    }

    package func synchronizeFileSystem(_ descriptor: Descriptor) throws(SystemError) {
        try SystemCall.retrying { linuxSyncFS(descriptor) }
    }

    package func truncate(_ descriptor: Descriptor, to length: Int64) throws(SystemError) {
        try SystemCall.retrying { ftruncate(descriptor, Int(length)) }
    }

    package func allocate(_ descriptor: Descriptor, length: Int64) throws(SystemError) {
        try SystemCall.retrying { linuxFallocate(descriptor, 0, 0, Int(length)) }
    }

    package func freeSpace(_ descriptor: Descriptor) throws(SystemError) -> Int64 {
        var answer = statvfs()
        try SystemCall.retrying { fstatvfs(descriptor, &answer) }
        let (bytes, overflow) = UInt64(answer.f_bavail).multipliedReportingOverflow(by: UInt64(answer.f_frsize))
        return overflow ? .max : Int64(clamping: bytes)
    }

    package func status(_ descriptor: Descriptor) throws(SystemError) -> FileStatus {
        var answer = stat()
        try SystemCall.retrying { fstat(descriptor, &answer) }
        return FileStatus(answer)
    }

    package func status(
        _ name: FileName, in directory: Descriptor, followSymlink: Bool
    ) throws(SystemError) -> FileStatus? {
        var answer = stat()
        do {
            try SystemCall.retrying {
                fstatat(directory, name.terminated, &answer, followSymlink ? 0 : AT_SYMLINK_NOFOLLOW)
            }
        } catch  where error.number == ENOENT {
            return nil
        }
        return FileStatus(answer)
    }

    package func makeDirectory(_ name: FileName, in directory: Descriptor) throws(SystemError) {
        try SystemCall.retrying { mkdirat(directory, name.terminated, 0o755) }
    }

    package func rename(
        _ name: FileName, in directory: Descriptor, to newName: FileName, in newDirectory: Descriptor,
        _ mode: RenameMode
    ) throws(SystemError) {
        try SystemCall.retrying {
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
        try SystemCall.retrying { linkat(directory, name.terminated, newDirectory, newName.terminated, 0) }
    }

    package func remove(_ name: FileName, in directory: Descriptor, isDirectory: Bool) throws(SystemError) {
        try SystemCall.retrying { unlinkat(directory, name.terminated, isDirectory ? AT_REMOVEDIR : 0) }
    }

    package func lock(_ descriptor: Descriptor) throws(SystemError) -> Bool {
        do {
            try SystemCall.retrying { flock(descriptor, LOCK_EX | LOCK_NB) }
            return true
        } catch  where error.number == EWOULDBLOCK {
            return false
        }
    }
}
