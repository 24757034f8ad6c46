import Glibc

/// Removes trees of our own. Symlinks in them are removed, not followed; another file system that is mounted in one stays,
/// and then so do the directories above it.
package struct TreeRemoval: Sendable {
    private let layer: any FileLayer

    package init(layer: any FileLayer = SystemFileLayer()) { self.layer = layer }

    /// Removes an entry and all below it; nothing happens when there is none.
    /// - Throws: the first thing that could not be removed. Everything else is gone.
    package func remove(_ name: FileName, in directory: Descriptor) throws(SystemError) {
        try remove(name, in: directory, device: layer.status(directory).device)
    }

    /// Removes all that is in a directory.
    /// - Throws: as `remove` does.
    package func empty(_ directory: Descriptor) throws(SystemError) {
        try empty(directory, device: layer.status(directory).device)
    }

    private func remove(_ name: FileName, in directory: Descriptor, device: UInt64) throws(SystemError) {
        guard let status = try layer.status(name, in: directory, followSymlink: false) else { return }
        guard status.kind == .directory else { return try layer.remove(name, in: directory, isDirectory: false) }
        let own = try layer.openDirectory(name, in: directory, followSymlink: false)
        defer { layer.close(own) }
        // Of what was opened: the name may have been swapped.
        guard try layer.status(own).device == device else { throw SystemError(EXDEV) }
        try empty(own, device: device)
        try layer.remove(name, in: directory, isDirectory: true)
    }

    private func empty(_ directory: Descriptor, device: UInt64) throws(SystemError) {
        var failure: SystemError?
        for name in try layer.list(directory) {
            do throws(SystemError) {
                try remove(name, in: directory, device: device)
            } catch {
                failure = failure ?? error
            }
        }
        if let failure { throw failure }
    }
}
