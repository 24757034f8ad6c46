import Glibc

/// Small files of our own (records, metainfo, markers), read and replaced as a whole.
struct SmallFiles {
    let layer: any FileLayer
    let directory: Descriptor
    /// Of the directory, for messages.
    let path: String

    /// Nil when there is none, or when what has that name is no regular file.
    /// - Throws: when it is larger than `limit` bytes or cannot be read.
    func read(_ name: FileName, limit: Int) throws(StorageError) -> [UInt8]? {
        do throws(SystemError) {
            let descriptor: Descriptor
            do throws(SystemError) {
                descriptor = try layer.open(name, in: directory, [])
            } catch  where error.number == ENOENT || error.number == ELOOP {
                return nil
            }
            defer { layer.close(descriptor) }
            let status = try layer.status(descriptor)
            guard status.kind == .file else { return nil }
            guard status.size <= Int64(limit) else { throw SystemError(EFBIG) }
            return try layer.read(descriptor, count: Int(status.size), at: 0)
        } catch {
            throw StorageError(error, "read", path: "\(path)/\(name)")
        }
    }

    /// Replaces the file in one step: after a crash either the old or the new one is there, whole. When the call
    /// returns the new one is durable.
    func save(_ bytes: [UInt8], as name: FileName, temporary: FileName) throws(StorageError) {
        do {
            let descriptor = try layer.open(temporary, in: directory, [.write, .create, .truncate])
            defer { layer.close(descriptor) }
            try layer.write(descriptor, bytes, at: 0)
            try layer.synchronize(descriptor, dataOnly: false)
            try layer.rename(temporary, in: directory, to: name, in: directory, .replace)
            try layer.synchronize(directory, dataOnly: false)
        } catch {
            throw StorageError(error, "save", path: "\(path)/\(name)")
        }
    }

    /// Removes a file and makes that durable; nothing happens when there is none.
    func remove(_ name: FileName) throws(StorageError) {
        do {
            try layer.remove(name, in: directory, isDirectory: false)
            try layer.synchronize(directory, dataOnly: false)
        } catch  where error.number == ENOENT {
        } catch {
            throw StorageError(error, "remove", path: "\(path)/\(name)")
        }
    }
}
