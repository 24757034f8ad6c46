import Files
import Glibc
import Metainfo

/// Opens files and directories below the content's root, one path component at a time, through the cache.
extension ContentFiles {
    /// The location in which a file is looked up, as part of a cache key.
    private enum Place: Int { case own, published }

    func openForReading(_ file: Int) throws(StorageError) -> ContentFile {
        guard layout.files.indices.contains(file), !layout.files[file].isPadding, selection.contains(file) else {
            throw StorageError(.misuse, "read", path: root.path, detail: "file \(file) is not selected")
        }
        return try open(file, forWriting: false)
    }

    func openForWriting(_ file: Int) throws(StorageError) -> ContentFile {
        guard layout.files.indices.contains(file), selection.contains(file), access == .downloading else {
            throw StorageError(.misuse, "write", path: root.path, detail: "file \(file) is not open for writing")
        }
        let opened = try open(file, forWriting: true)
        try shape(file, opened)
        return opened
    }

    private func open(_ file: Int, forWriting: Bool) throws(StorageError) -> ContentFile {
        let cached = state.withLock { $0.files.get(file) }
        if let cached, cached.isWritable || !forWriting { return cached }
        let (isPublished, generation) = state.withLock { ($0.publishedFiles.contains(file), $0.generation) }
        do {
            return try open(file, isPublished ? .published : .own, forWriting: forWriting)
        } catch  where error.kind == .vanished && !forWriting {
            // Publication moves files while others read them: the file may be at its new place by now. Looked at only here, because
            // a publication may have begun since, or have ended.
            let (isMoving, hasMoved) = state.withLock { ($0.published != nil, $0.generation != generation) }
            if isMoving, !isPublished { return try open(file, .published, forWriting: false) }
            guard hasMoved else { throw error }
            return try open(file, .own, forWriting: false)
        }
    }

    private func open(_ file: Int, _ place: Place, forWriting: Bool) throws(StorageError) -> ContentFile {
        let (access, generation) = state.withLock { ($0.access, $0.generation) }
        let isPublished = place == .published
        guard !(isPublished && forWriting) else {
            throw StorageError(.misuse, "write", path: displayPath(file), detail: "the file is complete already")
        }
        let directory = Int(tree.directoryOfFile[file])
        let parent = try openDirectory(directory, place, create: forWriting)
        let name = fileName(file)
        let opened: ContentFile
        do {
            opened = try openFile(name, in: parent, file: file, access: access, forWriting, isPublished)
        } catch let error {
            throw StorageError(error, "open", path: displayPath(file))
        }
        try examine(file, opened, access: access, isPublished: isPublished)
        let evicted = state.withLock { state in
            state.generation == generation ? state.files.insert(opened, for: file) : nil
        }
        _ = evicted  // closed here, outside the lock
        return opened
    }

    private func openFile(
        _ name: FileName, in parent: HeldFile, file: Int, access: Access, _ forWriting: Bool, _ isPublished: Bool
    ) throws(SystemError) -> ContentFile {
        if access == .reading || isPublished || !forWriting {
            let options: OpenOptions = access == .reading ? .followSymlink : []
            let descriptor = try withRoom { () throws(SystemError) in
                try layer.open(name, in: parent.descriptor, options)
            }
            return ContentFile(HeldFile(descriptor, layer: layer))
        }
        do {
            let descriptor = try withRoom { () throws(SystemError) in
                try layer.open(name, in: parent.descriptor, [.write])
            }
            return ContentFile(HeldFile(descriptor, layer: layer), isWritable: true)
        } catch  where error.number == ENOENT {
            var options: OpenOptions = [.write, .create]
            if layout.files[file].isExecutable { options.insert(.executable) }
            let descriptor = try withRoom { () throws(SystemError) in
                try layer.open(name, in: parent.descriptor, options)
            }
            return ContentFile(HeldFile(descriptor, layer: layer), isWritable: true)
        }
    }

    /// If no more files can be opened, closes cached ones and tries once more.
    private func withRoom(
        _ open: () throws(SystemError) -> Descriptor
    ) throws(SystemError) -> Descriptor {
        do {
            return try open()
        } catch  where error.number == EMFILE || error.number == ENFILE {
            dropCaches()
            return try open()
        }
    }

    /// Closes cached descriptors that are not in use.
    func dropCaches() {
        let dropped = state.withLock { $0.forgetDescriptors() }
        _ = dropped  // closed here, outside the lock
    }

    func fileName(_ file: Int) -> FileName {
        layout.files[file].path.lastComponent.map { FileName($0) } ?? root.name
    }

    // MARK: Directories

    /// A directory of the content's own location; created if it is missing and `create` is set.
    func openDirectory(_ index: Int, create: Bool) throws(StorageError) -> HeldFile {
        try openDirectory(index, .own, create: create)
    }

    private func openDirectory(_ index: Int, _ place: Place, create: Bool) throws(StorageError) -> HeldFile {
        let (root, access, generation) = state.withLock { state in
            (place == .own ? state.root : state.published ?? state.root, state.access, state.generation)
        }
        // Up to the nearest open directory, then down again.
        var missing: [Int] = []
        var current = index
        var directory = root.holder
        while current != DirectoryTree.holder {
            if let cached = state.withLock({ $0.directories.get(current << 1 | place.rawValue) }) {
                directory = cached
                break
            }
            missing.append(current)
            current = tree.nodes[current].parent
        }
        for next in missing.reversed() {
            let node = tree.nodes[next]
            // The top directory of published content may have another name.
            let name = next == 1 ? root.name : node.name
            let follow = access == .reading && place == .own
            do {
                directory = try enter(name, in: directory, follow: follow, create: create, parent: node.parent)
            } catch {
                throw StorageError(error, "open directory", path: directoryPath(next, root: root))
            }
            let opened = directory
            let evicted = state.withLock { state in
                state.generation == generation
                    ? state.directories.insert(opened, for: next << 1 | place.rawValue) : nil
            }
            _ = evicted
        }
        return directory
    }

    private func enter(
        _ name: FileName, in directory: HeldFile, follow: Bool, create: Bool, parent: Int
    ) throws(SystemError) -> HeldFile {
        func open() throws(SystemError) -> HeldFile {
            let descriptor = try withRoom { () throws(SystemError) in
                try layer.openDirectory(name, in: directory.descriptor, followSymlink: follow)
            }
            return HeldFile(descriptor, layer: layer)
        }
        do {
            return try open()
        } catch  where error.number == ENOENT && create {
            do {
                try layer.makeDirectory(name, in: directory.descriptor)
            } catch  where error.number == EEXIST {
                // Another thread was faster.
            }
            state.withLock { state in _ = state.dirtyDirectories.insert(parent) }
            return try open()
        }
    }

    func directoryPath(_ index: Int, root: ContentRoot) -> String {
        var names: [String] = []
        var current = index
        while current > 1 {
            names.append(tree.nodes[current].name.description)
            current = tree.nodes[current].parent
        }
        return ([root.path] + names.reversed()).joined(separator: "/")
    }

    // MARK: Checks of what was opened

    /// Refuses anything but a regular file, and records or compares its metadata.
    private func examine(
        _ file: Int, _ opened: ContentFile, access: Access, isPublished: Bool
    ) throws(StorageError) {
        let status = try self.status(opened, file)
        guard status.kind == .file else { throw StorageError(.inTheWay, "open", path: displayPath(file)) }
        guard access == .reading || (isPublished && state.withLock { $0.publishedFiles.contains(file) }) else { return }
        let stamp = FileStamp(status)
        let known = state.withLock { state -> FileStamp in
            if let known = state.stamps[file] { return known }
            state.stamps[file] = stamp
            return stamp
        }
        guard known == stamp else { throw StorageError(.changed, "read", path: displayPath(file)) }
    }

    func status(_ opened: ContentFile, _ file: Int) throws(StorageError) -> FileStatus {
        do {
            return try layer.status(opened.descriptor)
        } catch {
            throw StorageError(error, "look at", path: displayPath(file))
        }
    }

    /// Checks from time to time whether a served file has changed. A download's own files change all the time.
    func checkUnchanged(_ file: Int, _ opened: ContentFile, needing end: Int64) throws(StorageError) {
        guard opened.isLookDue(interval: limits.changeCheckInterval) else { return }
        let status = try self.status(opened, file)
        if status.links == 0 { throw StorageError(.vanished, "read", path: displayPath(file)) }
        let known = state.withLock { $0.stamps[file] }
        guard status.size >= end, known.map({ $0 == FileStamp(status) }) ?? true else {
            throw StorageError(.changed, "read", path: displayPath(file))
        }
    }

    /// Sets a file to its final length when it is first opened for writing.
    private func shape(_ file: Int, _ opened: ContentFile) throws(StorageError) {
        guard state.withLock({ !$0.shaped.contains(file) }) else { return }
        let length = layout.files[file].length
        let status = try self.status(opened, file)
        do {
            if status.size > length || (status.size < length && preallocation != .none) {
                try layer.truncate(opened.descriptor, to: length)
            }
        } catch {
            throw StorageError(error, "set the length of", path: displayPath(file), detail: "\(length) bytes")
        }
        state.withLock { state in
            state.shaped.insert(file)
            state.dirtyFiles.insert(file)
            // The entry may be new, or from a process that was killed before it synced. The same holds for the
            // directories above.
            var directory = Int(tree.directoryOfFile[file])
            state.dirtyDirectories.insert(directory)
            while state.enteredDirectories.insert(directory).inserted, directory != DirectoryTree.holder {
                directory = tree.nodes[directory].parent
                state.dirtyDirectories.insert(directory)
            }
        }
    }
}
