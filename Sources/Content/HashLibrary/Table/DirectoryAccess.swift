import Glibc
import Storage

/// Opens directories by byte paths through a `FileLayer`, which takes text.
struct DirectoryAccess: Sendable {
    let layer: any FileLayer

    /// Follows symlinks, because the administrator chose the path. With `creating`, missing directories are created
    /// durably.
    func open(_ path: AbsolutePath, creating: Bool = false) throws(SystemError) -> Descriptor {
        if let text = path.text {
            do throws(SystemError) { return try layer.openDirectory(path: text) } catch {
                guard creating, error.number == ENOENT else { throw error }
                try layer.makeDirectories(path: text)
                return try layer.openDirectory(path: text)
            }
        }
        var current = try layer.openDirectory(path: "/")
        for part in path.components {
            guard let name = FileName(part) else { throw SystemError(EINVAL) }
            let next: Descriptor
            do throws(SystemError) { next = try step(name, in: current, creating: creating) } catch {
                layer.close(current)
                throw error
            }
            layer.close(current)
            current = next
        }
        return current
    }

    private func step(_ name: FileName, in directory: Descriptor, creating: Bool) throws(SystemError) -> Descriptor {
        do throws(SystemError) { return try layer.openDirectory(name, in: directory, followSymlink: true) } catch {
            guard creating, error.number == ENOENT else { throw error }
        }
        do throws(SystemError) {
            try layer.makeDirectory(name, in: directory)
            try layer.synchronize(directory, dataOnly: false)
        } catch  where error.number == EEXIST {}
        return try layer.openDirectory(name, in: directory, followSymlink: true)
    }

    /// Reads a whole file; nil if there is none.
    func read(_ name: FileName, in directory: Descriptor, limit: Int) throws(SystemError) -> [UInt8]? {
        let descriptor: Descriptor
        do throws(SystemError) { descriptor = try layer.open(name, in: directory, [.followSymlink]) } catch {
            if error.number == ENOENT { return nil }
            throw error
        }
        defer { layer.close(descriptor) }
        let status = try layer.status(descriptor)
        guard status.kind == .file else { throw SystemError(EINVAL) }
        guard status.size <= Int64(limit) else { throw SystemError(EFBIG) }
        var bytes = [UInt8](repeating: 0, count: Int(status.size))
        let outcome = bytes.withUnsafeMutableBytes { buffer -> Result<Int, SystemError> in
            do throws(SystemError) { return .success(try layer.read(descriptor, into: buffer, at: 0)) } catch {
                return .failure(error)
            }
        }
        bytes.removeLast(bytes.count - (try outcome.get()))
        return bytes
    }

    /// Replaces a file atomically and durably: after a crash, either the old or the new one exists, complete.
    func replace(
        _ name: FileName, with bytes: [UInt8], temporary: FileName, in directory: Descriptor
    ) throws(SystemError) {
        let descriptor = try layer.open(temporary, in: directory, [.write, .create, .truncate])
        defer { layer.close(descriptor) }
        let outcome = bytes.withUnsafeBytes { buffer -> Result<Void, SystemError> in
            do throws(SystemError) { return .success(try layer.write(descriptor, buffer, at: 0)) } catch {
                return .failure(error)
            }
        }
        try outcome.get()
        try layer.synchronize(descriptor, dataOnly: false)
        try layer.rename(temporary, in: directory, to: name, in: directory, .replace)
        try layer.synchronize(directory, dataOnly: false)
    }
}
