import Files

/// Where a content lies: an open directory and the content's name in it.
package struct ContentRoot: Sendable {
    let holder: HeldFile
    package let name: FileName
    /// Path of the content; canonical if it was found by path. Must be escaped for display.
    package let path: String

    /// Content at a path given by the user: a file or a directory of any name. Symlinks in the path are followed.
    package static func at(path: String, layer: any FileLayer = SystemFileLayer()) throws(StorageError) -> ContentRoot {
        do {
            let canonical = try layer.canonicalPath(path)
            let cut = canonical.utf8.lastIndex(of: UInt8(ascii: "/")) ?? canonical.utf8.startIndex
            let parent = String(canonical[..<cut])
            let name = FileName(Array(canonical.utf8[cut...].dropFirst())) ?? .itself
            let holder = try layer.openDirectory(path: parent.isEmpty ? "/" : parent)
            return ContentRoot(holder: HeldFile(holder, layer: layer), name: name, path: canonical)
        } catch {
            throw StorageError(error, "open", path: path)
        }
    }

    /// Content of that name in a directory, whether or not it exists.
    package static func at(
        directory: String, name: FileName, layer: any FileLayer = SystemFileLayer()
    ) throws(StorageError) -> ContentRoot {
        do {
            let holder = HeldFile(try layer.openDirectory(path: directory), layer: layer)
            let canonical = try layer.canonicalPath(directory)
            return ContentRoot(holder: holder, name: name, path: "\(canonical == "/" ? "" : canonical)/\(name.text)")
        } catch {
            throw StorageError(error, "open", path: directory)
        }
    }
}
