import Files

/// Where a content lies: an open directory and the content's name in it.
package struct ContentRoot: Sendable {
    let holder: OpenFile
    package let name: FileName
    /// Of the content; canonical where it was found by path. To be escaped before it is shown.
    package let path: String

    /// Content at a path the user gave: a file or a directory of any name. Symlinks in the path are followed.
    package static func at(path: String, layer: any FileLayer = SystemFileLayer()) throws(StorageError) -> ContentRoot {
        do {
            let canonical = try layer.canonicalPath(path)
            let cut = canonical.utf8.lastIndex(of: UInt8(ascii: "/")) ?? canonical.utf8.startIndex
            let parent = String(canonical[..<cut])
            let name = FileName(Array(canonical.utf8[cut...].dropFirst())) ?? .itself
            let holder = try layer.openDirectory(path: parent.isEmpty ? "/" : parent)
            return ContentRoot(holder: OpenFile(holder, layer: layer), name: name, path: canonical)
        } catch {
            throw StorageError(error, "open", path: path)
        }
    }

    /// Content of that name in a directory, whether it exists or not.
    package static func at(
        directory: String, name: FileName, layer: any FileLayer = SystemFileLayer()
    ) throws(StorageError) -> ContentRoot {
        do {
            let holder = OpenFile(try layer.openDirectory(path: directory), layer: layer)
            let canonical = try layer.canonicalPath(directory)
            return ContentRoot(holder: holder, name: name, path: "\(canonical == "/" ? "" : canonical)/\(name.text)")
        } catch {
            throw StorageError(error, "open", path: directory)
        }
    }
}
