import Files
import Glibc
import Synchronization

/// For tests: a file system in memory that loses on `crash` what was not synced, as strictly as POSIX lets it: file
/// data until the file is synced, and each directory entry until its directory is, in any order. Only that a rename
/// survives as a whole or not at all is taken for granted. It has no symlinks, modes or owners.
package final class MemoryFileLayer: FileLayer {
    let state = Mutex(Volume())

    package init() {}

    /// What a crash leaves of what was not synced.
    package enum Loss: Sendable {
        /// Nothing.
        case everything
        /// Any part of it: the generator decides for each page, size and journal entry.
        case random(seed: UInt64)
    }

    /// The power fails and comes back: all descriptors and locks are gone.
    package func crash(_ loss: Loss) { state.withLock { $0.crash(loss) } }

    /// The process is killed and starts again: all descriptors and locks are gone, and nothing else.
    package func kill() { state.withLock { $0.kill() } }

    /// The file at a path, or nil. For tests to compare.
    package func contents(of path: String) -> [UInt8]? {
        state.withLock { volume in
            guard let node = try? volume.resolve(path), case .file(let data)? = volume.nodes[node]?.body else {
                return nil
            }
            return data.bytes
        }
    }

    package func exists(_ path: String) -> Bool { state.withLock { (try? $0.resolve(path)) != nil } }

    /// Writes a file and makes it durable, with all above it, for a test to begin with.
    package func put(_ bytes: [UInt8], at path: String) throws(SystemError) {
        let cut = path.lastIndex(of: "/") ?? path.startIndex
        let parent = String(path[..<cut])
        try makeDirectories(path: parent.isEmpty ? "/" : parent)
        let directory = try openDirectory(path: parent.isEmpty ? "/" : parent)
        defer { close(directory) }
        guard let name = FileName(String(path[cut...].drop { $0 == "/" })) else { throw SystemError(EINVAL) }
        let file = try open(name, in: directory, [.write, .create, .truncate])
        defer { close(file) }
        try write(file, bytes, at: 0)
        try synchronizeFileSystem(file)
    }

    private func locked<Value: Sendable>(
        _ body: (inout sending Volume) throws(SystemError) -> Value
    ) throws(SystemError) -> Value {
        let result = state.withLock { volume -> Result<Value, SystemError> in
            do throws(SystemError) { return .success(try body(&volume)) } catch { return .failure(error) }
        }
        return try result.get()
    }

    // MARK: FileLayer

    package func openDirectory(path: SystemPath) throws(SystemError) -> Descriptor {
        try locked { volume throws(SystemError) in try volume.openDirectory(volume.resolve(path.text)) }
    }

    package func makeDirectories(path: SystemPath) throws(SystemError) {
        try locked { volume throws(SystemError) in
            var node = Volume.root
            for name in try Volume.names(path.text) {
                if let next = try volume.entries(node)[name] {
                    node = next
                } else {
                    let parent = node
                    node = try volume.add(name, .directory([:]), in: parent)
                    try volume.synchronize(parent)
                }
            }
        }
    }

    package func openDirectory(
        _ name: FileName, in directory: Descriptor, followSymlink: Bool
    ) throws(SystemError) -> Descriptor {
        try locked { volume throws(SystemError) in
            let parent = try volume.node(directory)
            if name == .itself { return try volume.openDirectory(parent) }
            return try volume.openDirectory(volume.find(name, in: parent))
        }
    }

    package func open(_ name: FileName, in directory: Descriptor, _ options: OpenOptions) throws(SystemError)
        -> Descriptor
    {
        try locked { volume throws(SystemError) in
            let parent = try volume.node(directory)
            if let node = try volume.entries(parent)[name] {
                if options.isSuperset(of: [.create, .exclusive]) { throw SystemError(EEXIST) }
                if options.contains(.write), case .directory? = volume.nodes[node]?.body { throw SystemError(EISDIR) }
                if options.contains(.truncate) { try volume.change(node) { $0.resize(to: 0) } }
                return volume.open(node)
            }
            guard options.contains(.create) else { throw SystemError(ENOENT) }
            return try volume.open(volume.add(name, .file(Volume.Data()), in: parent))
        }
    }

    package func close(_ descriptor: Descriptor) { state.withLock { $0.close(descriptor) } }

    package func read(
        _ descriptor: Descriptor, into buffer: UnsafeMutableRawBufferPointer, at offset: Int64
    ) throws(SystemError) -> Int {
        let count = buffer.count
        let bytes = try locked { volume throws(SystemError) in
            try volume.data(volume.node(descriptor)).read(Int(offset), count)
        }
        buffer.copyBytes(from: bytes)
        return bytes.count
    }

    package func write(_ descriptor: Descriptor, _ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(SystemError)
    {
        let copy = Array(bytes)
        try locked { volume throws(SystemError) in
            try volume.change(volume.node(descriptor)) { $0.write(copy, at: Int(offset)) }
        }
    }

    package func synchronize(_ descriptor: Descriptor, dataOnly: Bool) throws(SystemError) {
        try locked { volume throws(SystemError) in try volume.synchronize(volume.node(descriptor)) }
    }

    package func synchronizeFileSystem(_ descriptor: Descriptor) throws(SystemError) {
        try locked { volume throws(SystemError) in
            _ = try volume.node(descriptor)
            volume.synchronizeAll()
        }
    }

    package func truncate(_ descriptor: Descriptor, to length: Int64) throws(SystemError) {
        try locked { volume throws(SystemError) in
            try volume.change(volume.node(descriptor)) { $0.resize(to: Int(length)) }
        }
    }

    package func allocate(_ descriptor: Descriptor, length: Int64) throws(SystemError) {
        try locked { volume throws(SystemError) in
            try volume.change(volume.node(descriptor)) { $0.resize(to: max($0.size, Int(length))) }
        }
    }

    package func freeSpace(_ descriptor: Descriptor) throws(SystemError) -> Int64 { .max }

    package func status(_ descriptor: Descriptor) throws(SystemError) -> FileStatus {
        try locked { volume throws(SystemError) in try volume.status(volume.node(descriptor)) }
    }

    package func status(
        _ name: FileName, in directory: Descriptor, followSymlink: Bool
    ) throws(SystemError) -> FileStatus? {
        try locked { volume throws(SystemError) in
            guard let node = try volume.entries(volume.node(directory))[name] else { return nil }
            return try volume.status(node)
        }
    }

    package func makeDirectory(_ name: FileName, in directory: Descriptor) throws(SystemError) {
        try locked { volume throws(SystemError) in
            let parent = try volume.node(directory)
            guard try volume.entries(parent)[name] == nil else { throw SystemError(EEXIST) }
            _ = try volume.add(name, .directory([:]), in: parent)
        }
    }

    package func rename(
        _ name: FileName, in directory: Descriptor, to newName: FileName, in newDirectory: Descriptor,
        _ mode: RenameMode
    ) throws(SystemError) {
        try locked { volume throws(SystemError) in
            try volume.rename(name, volume.node(directory), newName, volume.node(newDirectory), mode)
        }
    }

    package func link(
        _ name: FileName, in directory: Descriptor, to newName: FileName, in newDirectory: Descriptor
    ) throws(SystemError) {
        try locked { volume throws(SystemError) in
            let node = try volume.find(name, in: volume.node(directory))
            let target = try volume.node(newDirectory)
            guard try volume.entries(target)[newName] == nil else { throw SystemError(EEXIST) }
            try volume.apply([.init(directory: target, name: newName, node: node)])
        }
    }

    package func remove(_ name: FileName, in directory: Descriptor, isDirectory: Bool) throws(SystemError) {
        try locked { volume throws(SystemError) in
            let parent = try volume.node(directory)
            let node = try volume.find(name, in: parent)
            if case .directory(let entries)? = volume.nodes[node]?.body {
                guard isDirectory else { throw SystemError(EISDIR) }
                guard entries.isEmpty else { throw SystemError(ENOTEMPTY) }
            } else if isDirectory {
                throw SystemError(ENOTDIR)
            }
            try volume.apply([.init(directory: parent, name: name, node: nil)])
        }
    }

    package func list(_ directory: Descriptor) throws(SystemError) -> [FileName] {
        try locked { volume throws(SystemError) in
            try volume.entries(volume.node(directory)).keys.sorted { $0.text < $1.text }
        }
    }

    package func nextData(_ descriptor: Descriptor, from offset: Int64) throws(SystemError) -> Int64? {
        try locked { volume throws(SystemError) in
            try volume.data(volume.node(descriptor)).next(from: Int(offset), isData: true).map { Int64($0) }
        }
    }

    package func nextHole(_ descriptor: Descriptor, from offset: Int64) throws(SystemError) -> Int64? {
        try locked { volume throws(SystemError) in
            let data = try volume.data(volume.node(descriptor))
            guard offset < data.size else { return nil }
            return Int64(data.next(from: Int(offset), isData: false) ?? data.size)
        }
    }

    package func clone(_ source: Descriptor, to target: Descriptor) throws(SystemError) {
        throw SystemError(EOPNOTSUPP)
    }

    package func copy(
        _ source: Descriptor, from offset: Int64, to target: Descriptor, at targetOffset: Int64, length: Int
    ) throws(SystemError) -> Int {
        try locked { volume throws(SystemError) in
            let bytes = try volume.data(volume.node(source)).read(Int(offset), length)
            try volume.change(volume.node(target)) { $0.write(bytes, at: Int(targetOffset)) }
            return bytes.count
        }
    }

    package func lock(_ descriptor: Descriptor) throws(SystemError) -> Bool {
        try locked { volume throws(SystemError) in try volume.lock(descriptor) }
    }

    package func canonicalPath(_ path: String) throws(SystemError) -> String {
        try locked { volume throws(SystemError) in
            _ = try volume.resolve(path)
            return try "/" + Volume.names(path).map(\.text).joined(separator: "/")
        }
    }
}
