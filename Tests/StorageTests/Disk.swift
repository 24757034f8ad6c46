import Files
import Glibc
import Metainfo
import Storage
import TestFileLayers
import TestSupport

/// A place to test on: a file system in memory, or a directory of the real one that goes away with this object.
final class Disk: Sendable {
    enum Kind: Sendable, CaseIterable { case memory, real }

    let layer: any FileLayer
    /// An existing directory.
    let path: String
    let memory: MemoryFileLayer?
    private let directory: TemporaryDirectory?

    init(_ kind: Kind) throws {
        switch kind {
        case .memory:
            let memory = MemoryFileLayer()
            self.memory = memory
            directory = nil
            layer = memory
            path = "/place"
            try memory.makeDirectories(path: path)
        case .real:
            memory = nil
            layer = SystemFileLayer()
            let directory = try TemporaryDirectory(inMemory: true)
            self.directory = directory
            path = try layer.canonicalPath(directory.path)
        }
    }

    /// Removes what is below a path.
    func removeTree(_ path: String) {
        for name in names(path) {
            let below = path + "/" + name
            var status = stat()
            if lstat(below, &status) == 0, status.st_mode & S_IFMT == S_IFDIR {
                removeTree(below)
                rmdir(below)
            } else {
                unlink(below)
            }
        }
    }

    func put(_ bytes: [UInt8], _ name: String) throws {
        let full = path + "/" + name
        if let memory { return try memory.put(bytes, at: full) }
        try layer.makeDirectories(path: String(full[..<(full.lastIndex(of: "/") ?? full.endIndex)]))
        let descriptor = open(full, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw SystemError(errno) }
        defer { close(descriptor) }
        try bytes.withUnsafeBytes { try layer.write(descriptor, $0, at: 0) }
    }

    func get(_ name: String) -> [UInt8]? {
        let full = path + "/" + name
        if let memory { return memory.contents(of: full) }
        let descriptor = open(full, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        guard let size = try? layer.status(descriptor).size else { return nil }
        var bytes = [UInt8](repeating: 0, count: Int(size))
        let count = bytes.withUnsafeMutableBytes { (try? layer.read(descriptor, into: $0, at: 0)) ?? -1 }
        return count == bytes.count ? bytes : nil
    }

    /// What is in a directory, sorted.
    func names(_ path: String) -> [String] {
        guard let descriptor = try? layer.openDirectory(path: path) else { return [] }
        defer { layer.close(descriptor) }
        return ((try? layer.list(descriptor)) ?? []).map { String(decoding: $0.bytes, as: UTF8.self) }.sorted()
    }

    var names: [String] { names(path) }

    /// Puts a whole content there under a name.
    func put(_ sample: Sample, as name: String = "content", except missing: Set<String> = []) throws {
        for (file, bytes) in sample.files where !missing.contains(file) {
            try put(bytes, file.isEmpty ? name : "\(name)/\(file)")
        }
    }

    /// Whether exactly the sample's files have its bytes.
    func holds(_ sample: Sample, as name: String = "content") -> Bool {
        sample.files.allSatisfy { file, bytes in get(file.isEmpty ? name : "\(name)/\(file)") == bytes }
    }

    /// Content files at a name below this place.
    func files(
        _ sample: Sample, as name: String = "content", access: ContentFiles.Access = .downloading,
        selection: FileSelection? = nil, preallocation: Preallocation = .sparse,
        limits: StorageLimits = StorageLimits(),
        layer: (any FileLayer)? = nil
    ) throws -> ContentFiles {
        let layer = layer ?? self.layer
        guard let file = FileName(name) else { throw SystemError(EINVAL) }
        return ContentFiles(
            layout: sample.layout, root: try ContentRoot.at(directory: path, name: file, layer: layer), access: access,
            selection: selection, preallocation: preallocation, limits: limits, layer: layer)
    }

    func download(
        _ sample: Sample, overwrite: Bool = false, layer: (any FileLayer)? = nil, vouching: VouchingStore? = nil,
        preallocation: Preallocation = .sparse
    ) throws -> DownloadDirectory {
        var options = DownloadDirectory.Options()
        options.overwrite = overwrite
        options.vouching = vouching
        options.preallocation = preallocation
        return try DownloadDirectory.open(
            directory: path, info: sample.info, options: options, layer: layer ?? self.layer)
    }
}

extension ContentFiles {
    func write(_ sample: Sample, _ index: Int) throws {
        try sample.pieces[index].withUnsafeBytes { try write(sample.piece(index), $0) }
    }

    func writeAll(_ sample: Sample) throws {
        for index in sample.pieces.indices { try write(sample, index) }
    }

    func bytes(_ sample: Sample, _ index: Int, _ range: Range<Int>? = nil) throws -> [UInt8] {
        let range = range ?? 0..<sample.pieces[index].count
        var bytes = [UInt8](repeating: 0xee, count: range.count)
        try bytes.withUnsafeMutableBytes { try read(sample.piece(index), range, into: $0) }
        return bytes
    }
}
