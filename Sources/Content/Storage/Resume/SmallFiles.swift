import Files
import Glibc

/// Small files of our own (records, metainfo, markers), read and replaced as a whole, with errors that name them.
package struct SmallFiles {
    let layer: any FileLayer
    let directory: Descriptor
    /// Of the directory, for messages.
    let path: String

    /// Nil when there is none, or when what has that name is no regular file.
    /// - Throws: when it is larger than `limit` bytes or cannot be read.
    package func read(_ name: FileName, limit: Int) throws(StorageError) -> [UInt8]? {
        do throws(SystemError) {
            return try layer.readSmallFile(name, in: directory, limit: limit).bytes
        } catch {
            switch error.number {
            case ENOENT, ELOOP, EINVAL: return nil
            default: throw StorageError(error, "read", path: "\(path)/\(name)")
            }
        }
    }

    /// Replaces the file in one step. When the call returns the new one is durable.
    /// - Parameter temporary: a name that only this process writes to at this time.
    package func save(_ bytes: [UInt8], as name: FileName, temporary: FileName) throws(StorageError) {
        do {
            try layer.replaceFile(name, in: directory, with: bytes, temporary: .fixed(temporary))
        } catch {
            throw StorageError(error, "save", path: "\(path)/\(name)")
        }
    }

    /// Removes a file and makes that durable; nothing happens when there is none.
    package func remove(_ name: FileName) throws(StorageError) {
        do {
            try layer.remove(name, in: directory, isDirectory: false)
            try layer.synchronizeEntries(of: directory)
        } catch  where error.number == ENOENT {
        } catch {
            throw StorageError(error, "remove", path: "\(path)/\(name)")
        }
    }
}
