import Glibc

extension SystemFileLayer {
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
        return try SystemCall.retrying { linuxCopyFileRange(source, &from, target, &to, length, 0) }
    }

    package func canonicalPath(_ path: String) throws(SystemError) -> String {
        String(decoding: try canonicalPath(SystemPath(path)).bytes, as: UTF8.self)
    }
}
