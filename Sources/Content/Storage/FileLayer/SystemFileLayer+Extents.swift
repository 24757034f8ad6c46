import Glibc

extension SystemFileLayer {
    package func list(_ directory: Descriptor) throws(SystemError) -> [FileName] {
        // A descriptor of its own: reading a directory moves a position that a shared one would keep.
        let own = try openDirectory(.itself, in: directory, followSymlink: false)
        guard let stream = fdopendir(own) else {
            let failure = SystemError.current
            close(own)
            throw failure
        }
        defer { closedir(stream) }
        var names: [FileName] = []
        while true {
            errno = 0
            guard let entry = readdir(stream) else {
                if errno != 0 { throw .current }
                return names
            }
            let bytes = withUnsafeBytes(of: entry.pointee.d_name) { raw in Array(raw.prefix { $0 != 0 }) }
            if let name = FileName(bytes) { names.append(name) }
        }
    }

    package func nextData(_ descriptor: Descriptor, from offset: Int64) throws(SystemError) -> Int64? {
        try seek(descriptor, Linux.seekData, from: offset)
    }

    package func nextHole(_ descriptor: Descriptor, from offset: Int64) throws(SystemError) -> Int64? {
        try seek(descriptor, Linux.seekHole, from: offset)
    }

    private func seek(_ descriptor: Descriptor, _ whence: Int32, from offset: Int64) throws(SystemError) -> Int64? {
        let answer = lseek(descriptor, Int(offset), whence)
        if answer >= 0 { return Int64(answer) }
        if errno == ENXIO { return nil }
        throw .current
    }

    package func clone(_ source: Descriptor, to target: Descriptor) throws(SystemError) {
        guard ioctl(target, Linux.cloneRequest, source) == 0 else { throw .current }
    }

    package func copy(
        _ source: Descriptor, from offset: Int64, to target: Descriptor, at targetOffset: Int64, length: Int
    ) throws(SystemError) -> Int {
        var from = Int(offset)
        var to = Int(targetOffset)
        while true {
            let count = linuxCopyFileRange(source, &from, target, &to, length, 0)
            if count >= 0 { return count }
            if errno != EINTR { throw .current }
        }
    }

    package func canonicalPath(_ path: String) throws(SystemError) -> String {
        guard let resolved = realpath(path, nil) else { throw .current }
        defer { free(resolved) }
        return String(cString: resolved)
    }
}

extension FileStatus {
    init(_ answer: stat) {
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
            inode: UInt64(answer.st_ino), device: UInt64(answer.st_dev), links: UInt64(answer.st_nlink))
    }
}
