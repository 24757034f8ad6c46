import Files
import Glibc
import Metainfo
import Registry
import Storage

/// The new tree while it is built, in the working directory and under its final name. All calls block.
///
/// A blob is fetched into a file in `parts`, named by its digest, so that the bytes of an interrupted fetch survive. The
/// file is moved to its place in the tree when it is complete and verified.
final class Staging: Sendable {
    private static let parts = FileName(own: "parts")
    /// Files from this size on are synced to disk one by one, so that the next run after an interrupted pull can trust them.
    private static let largeBytes: Int64 = 1 << 20

    private let plan: PullPlan
    private let digests: FileDigests
    private let published: PulledTree
    private let tree: PulledTree
    private let partsDirectory: HeldDirectory
    private let workPath: String
    private var layer: SystemFileLayer { SystemFileLayer() }

    init(_ work: WorkDirectory, _ plan: PullPlan, digests: FileDigests, reusing published: PulledTree) throws(PullError)
    {
        self.plan = plan
        self.digests = digests
        self.published = published
        workPath = work.path
        let name = FileName(checked: plan.name.bytes[...])
        (tree, partsDirectory) = try onDisk("open", work.path) { () throws(Files.SystemError) in
            let own = try HeldDirectory.reopen(work.directory.descriptor)
            let content = try own.directory(FileName(own: "content"))
            do throws(Files.SystemError) {
                try own.makeDirectory(Self.parts)
            } catch  where error.number == EEXIST {}
            return (
                PulledTree(holder: content, name: name, display: "\(work.path)/content/\(plan.name.display)"),
                try own.directory(Self.parts)
            )
        }
        try clean()
    }

    /// Removes files that an unfinished pull of another version left in the tree: they would be published with this version.
    private func clean() throws(PullError) {
        let wanted = Dictionary(plan.files.map { ($0.path, $0.size) }) { first, _ in first }
        try onDisk("clean", tree.display) { () throws(Files.SystemError) in
            guard let top = try tree.holder.status(tree.name) else { return }
            guard !plan.isSingleFile, top.kind == .directory else {
                if !(plan.isSingleFile && top.kind == .file) {
                    try TreeRemoval().remove(tree.name, in: tree.holder.descriptor)
                }
                return
            }
            for (path, status) in try tree.entries(limit: 4_000_000)
            where status.kind != .file || wanted[path] != status.size {
                let (directory, name) = try tree.place(of: path)
                try layer.remove(name, in: directory.descriptor, isDirectory: false)
            }
            try removeEmpty(tree.holder.directory(tree.name), depth: 0)
        }
    }

    /// Removes empty directories, since one may be at the path of a file of this version.
    private func removeEmpty(_ directory: HeldDirectory, depth: Int) throws(Files.SystemError) {
        guard depth <= SafePath.maxDepth else { return }
        for name in try directory.names() where try directory.status(name)?.kind == .directory {
            try removeEmpty(directory.directory(name), depth: depth + 1)
            do throws(Files.SystemError) {
                try layer.remove(name, in: directory.descriptor, isDirectory: true)
            } catch  where [ENOTEMPTY, EEXIST].contains(error.number) {}
        }
    }

    // MARK: Files that are here

    /// Whether a file is in its place in the tree already, with the right content. A wrong file there is removed.
    func has(_ file: PullPlan.File, isCancelled: () -> Bool) throws(PullError) -> Bool {
        try onDisk("read", tree.display(file.path)) { () throws(Files.SystemError) in
            guard let found = try tree.open(file.path, .write) else { return false }
            let status = try found.status()
            // A hard link to a file elsewhere is not used, because writing to it would change that file.
            if status.size == file.size, status.links == 1,
                try digests.digest(of: found, isCancelled: isCancelled) == file.digest
            {
                try found.setExecutable(file.isExecutable)
                return true
            }
            let (directory, name) = try tree.place(of: file.path)
            try layer.remove(name, in: directory.descriptor, isDirectory: false)
            return false
        }
    }

    func write(_ content: [UInt8], _ file: PullPlan.File) throws(PullError) {
        try onDisk("write", tree.display(file.path)) { () throws(Files.SystemError) in
            let new = try create(file)
            try layer.write(new.descriptor, content, at: 0)
        }
    }

    /// Copies a file from the published tree.
    /// - Returns: false when the file does not have the wanted content any more.
    func copy(from path: SafePath, _ file: PullPlan.File, isCancelled: () -> Bool) throws(PullError) -> Bool {
        try onDisk("copy to", tree.display(file.path)) { () throws(Files.SystemError) in
            guard let source = try published.open(path), try source.status().size == file.size,
                try digests.digest(of: source, isCancelled: isCancelled) == file.digest
            else { return false }
            return try copy(source, file, isCancelled)
        }
    }

    /// Copies a file of the new tree to another path in it.
    func duplicate(_ file: PullPlan.File, as other: PullPlan.File, isCancelled: () -> Bool) throws(PullError) {
        let isDone = try onDisk("copy to", tree.display(other.path)) { () throws(Files.SystemError) in
            guard let source = try tree.open(file.path) else { return false }
            return try copy(source, other, isCancelled)
        }
        if !isDone { throw isCancelled() ? .cancelled : .changed(path: tree.display(file.path)) }
    }

    private func copy(
        _ source: HeldFile, _ file: PullPlan.File, _ isCancelled: () -> Bool
    ) throws(Files.SystemError) -> Bool {
        let new = try create(file)
        if try FileCopy.run(from: source, to: new, isCancelled: isCancelled) {
            try keep(new, file)
            return true
        }
        let (directory, name) = try tree.place(of: file.path)
        try layer.remove(name, in: directory.descriptor, isDirectory: false)
        return false
    }

    private func create(_ file: PullPlan.File) throws(Files.SystemError) -> HeldFile {
        let (directory, name) = try tree.place(of: file.path, creating: true)
        let new = try directory.open(
            name, file.isExecutable ? [.write, .create, .exclusive, .executable] : [.write, .create, .exclusive])
        try new.setExecutable(file.isExecutable)
        return new
    }

    // MARK: Files that are fetched

    /// Opens the file into which a blob is fetched. It may hold bytes of an earlier run.
    func part(_ digest: BlobDigest) throws(PullError) -> HeldFile {
        guard let name = FileName(digest.hex) else { throw .cancelled }
        return try onDisk("open", "\(workPath)/parts/\(digest.hex)") { () throws(Files.SystemError) in
            let file = try partsDirectory.open(name, [.write, .create])
            let status = try file.status()
            guard status.kind == .file, status.links == 1 else { throw Files.SystemError(EEXIST) }
            return file
        }
    }

    /// Moves a complete and verified blob to its place in the tree.
    func accept(_ part: HeldFile, _ file: PullPlan.File) throws(PullError) {
        guard let name = FileName(file.digest.hex) else { throw .cancelled }
        try onDisk("write", tree.display(file.path)) { () throws(Files.SystemError) in
            try part.setExecutable(file.isExecutable)
            let (directory, target) = try tree.place(of: file.path, creating: true)
            if file.size >= Self.largeBytes { try part.synchronize(dataOnly: true) }
            try layer.rename(name, in: partsDirectory.descriptor, to: target, in: directory.descriptor, .replace)
            // After the rename, the stamp of the file no longer changes.
            try keep(part, file)
        }
    }

    private func keep(_ file: HeldFile, _ wanted: PullPlan.File) throws(Files.SystemError) {
        guard wanted.size >= Self.largeBytes else { return }
        try file.synchronize(dataOnly: true)
        digests.pulled.note(DigestStamp(try file.status()), wanted.digest)
    }

    /// Syncs all files and directories to disk.
    func synchronize() throws(PullError) {
        try onDisk("sync", tree.display) { () throws(Files.SystemError) in
            try layer.synchronizeFileSystem(tree.holder.descriptor)
        }
    }
}
