import Files
import Glibc
import Metainfo

/// `DIR/.NAME.swoop`, locked by this process while this object exists.
package final class WorkDirectory: Sendable {
    let layer: any FileLayer
    /// DIR.
    let place: HeldFile
    let name: FileName
    package let path: String
    package let directory: HeldFile
    /// Contains the content under its own name.
    package let content: HeldFile
    /// Closing this releases the lock.
    private let lock: HeldFile

    private init(
        layer: any FileLayer, place: HeldFile, name: FileName, path: String, directory: HeldFile, content: HeldFile,
        lock: HeldFile
    ) {
        self.layer = layer
        self.place = place
        self.name = name
        self.path = path
        self.directory = directory
        self.content = content
        self.lock = lock
    }

    /// Creates the directory if needed, and takes the lock.
    /// - Throws: `.locked` if another process has it, `.inTheWay` for a symlink of that name.
    package static func open(
        _ name: FileName, in place: HeldFile, placePath: String, layer: any FileLayer
    ) throws(StorageError) -> WorkDirectory {
        let path = "\(placePath)/\(name)"
        // A process that just finished may remove directory and lock between two of the steps: then try again.
        for _ in 0..<16 {
            do {
                let directory = try enter(name, in: place, layer)
                guard let lock = try takeLock(in: directory, path: path, layer) else { continue }
                let content = try enter(WorkNames.content, in: directory, layer)
                return WorkDirectory(
                    layer: layer, place: place, name: name, path: path, directory: directory, content: content,
                    lock: lock)
            } catch let error as SystemError {
                if error.number == ENOENT { continue }
                throw StorageError(error, "open", path: path)
            } catch let error as StorageError {
                throw error
            } catch {
                throw StorageError(.io(0), "open", path: path)
            }
        }
        throw StorageError(.locked(process: nil), "open", path: path)
    }

    private static func enter(
        _ name: FileName, in parent: HeldFile, _ layer: any FileLayer
    ) throws(SystemError) -> HeldFile {
        do {
            try layer.makeDirectory(name, in: parent.descriptor)
        } catch  where error.number == EEXIST {
        }
        // Even if it was there: a process that was killed may have made it without syncing.
        try layer.synchronizeEntries(of: parent.descriptor)
        let descriptor = try layer.openDirectory(name, in: parent.descriptor, followSymlink: false)
        return HeldFile(descriptor, layer: layer)
    }

    /// Nil if the lock file was removed meanwhile.
    static func takeLock(
        in directory: HeldFile, path: String, _ layer: any FileLayer
    ) throws -> HeldFile? {
        let descriptor = try layer.open(WorkNames.lock, in: directory.descriptor, [.write, .create])
        let lock = HeldFile(descriptor, layer: layer)
        guard try layer.lock(descriptor) else {
            throw StorageError(.locked(process: process(holding: lock)), "open", path: path)
        }
        let held = try layer.status(descriptor)
        let named = try layer.status(WorkNames.lock, in: directory.descriptor, followSymlink: false)
        guard held.links > 0, named?.inode == held.inode else { return nil }
        try layer.truncate(descriptor, to: 0)
        try layer.write(descriptor, Array("\(getpid())\n".utf8), at: 0)
        return lock
    }

    private static func process(holding lock: HeldFile) -> Int32? {
        let bytes = (try? lock.layer.read(lock.descriptor, count: 16, at: 0)) ?? []
        return Int32(String(decoding: bytes.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self))
    }

    package var small: SmallFiles { SmallFiles(layer: layer, directory: directory.descriptor, path: path) }

    /// Removes everything below the content directory.
    package func clearContent() throws(StorageError) {
        do {
            try TreeRemoval(layer: layer).empty(content.descriptor)
            try layer.synchronizeEntries(of: content.descriptor)
        } catch {
            throw StorageError(error, "remove", path: path + "/content")
        }
    }

    /// Removes the directory with all of our files in it. The lock file is removed last but one, so that no other
    /// process starts before.
    package func remove() throws(StorageError) {
        // First of all, and durably: without the other files the marker would be meaningless at the next start.
        try small.remove(WorkNames.publishing)
        do {
            let removal = TreeRemoval(layer: layer)
            for entry in try layer.list(directory.descriptor) where entry != WorkNames.lock {
                try removal.remove(entry, in: directory.descriptor)
            }
            try removal.remove(WorkNames.lock, in: directory.descriptor)
            try layer.remove(name, in: place.descriptor, isDirectory: true)
            try layer.synchronizeEntries(of: place.descriptor)
        } catch  where error.number == ENOENT {
        } catch {
            throw StorageError(error, "remove", path: path)
        }
    }

    /// Removes the directory if nothing was ever put into it.
    package func removeIfUnused() {
        guard let entries = try? layer.list(directory.descriptor),
            entries.allSatisfy({ $0 == WorkNames.lock || $0 == WorkNames.content }),
            let content = try? layer.list(content.descriptor), content.isEmpty
        else { return }
        try? remove()
    }
}
