import Files
import Metainfo
import Registry
import Threads

/// The result of checking the destination of a pull.
struct Present: Sendable {
    /// Files at the destination by digest: those at the paths of the new tree, and others whose size is wanted.
    var files: [BlobDigest: SafePath] = [:]
    var isComplete = false
    /// Whether a file or directory of any kind is at the destination.
    var isSomething = false
}

/// Checks the files at the destination of a pull. Blocks.
struct DestinationSurvey: Sendable {
    let plan: PullPlan
    let destination: PulledTree
    let digests: FileDigests
    /// Whether other content may be replaced.
    let overwrite: Bool
    let isCancelled: @Sendable () -> Bool

    /// - Throws: `conflict` or `inTheWay` if the destination has something that the pull may not replace.
    func run() throws(PullError) -> Present {
        var there = Present()
        let display = destination.display
        guard
            let top = try onDisk(
                "look at", display,
                { () throws(Files.SystemError) in try destination.holder.status(destination.name) })
        else { return there }
        there.isSomething = true
        switch (top.kind, plan.isSingleFile) {
        case (.file, true), (.directory, false): break
        case (.file, false), (.directory, true):
            guard overwrite else {
                throw .conflict(path: display, detail: plan.isSingleFile ? "a directory is there" : "a file is there")
            }
        default: throw .inTheWay(path: display)
        }
        var right = 0
        var directories: Set<SafePath> = []
        for file in plan.files {
            let status = try onDisk("look at", destination.display(file.path)) { () throws(Files.SystemError) in
                try destination.status(file.path)
            }
            guard let status else {
                if !overwrite { try checkDirectories(of: file.path, &directories) }
                continue
            }
            if plan.isSingleFile, status.kind == .directory { continue }
            guard status.kind == .file else {
                if status.kind == .symlink, overwrite { continue }
                throw .inTheWay(path: destination.display(file.path))
            }
            let digest = status.size == file.size ? try digest(at: file.path) : nil
            if let digest { there.files[digest] = file.path }
            if digest == file.digest, status.isExecutable == file.isExecutable || !overwrite {
                right += 1
            } else if !overwrite {
                throw .conflict(
                    path: destination.display(file.path),
                    detail: status.size == file.size
                        ? "it is another version" : "\(status.size) bytes, not \(file.size)")
            }
        }
        there.isComplete = right == plan.files.count
        if !there.isComplete, top.kind == .directory { try findMoved(&there) }
        return there
    }

    /// Checks that there is nothing else where a file's directories are to be.
    /// - Parameter known: directories that need no check any more.
    private func checkDirectories(of path: SafePath, _ known: inout Set<SafePath>) throws(PullError) {
        let components = path.components
        for count in 1..<max(1, components.count) {
            guard let directory = try? SafePath(components: components.prefix(count).map(\.bytes)),
                known.insert(directory).inserted
            else { continue }
            let display = destination.display(directory)
            let status = try onDisk("look at", display) { () throws(Files.SystemError) in
                try destination.status(directory)
            }
            switch status?.kind {
            case nil: return
            case .directory?: break
            case .file?: throw .conflict(path: display, detail: "a file is there")
            default: throw .inTheWay(path: display)
            }
        }
    }

    /// Finds files of the old tree that the new tree has under other paths.
    private func findMoved(_ there: inout Present) throws(PullError) {
        let missing = plan.files.filter { there.files[$0.digest] == nil && $0.size > 0 && $0.content == nil }
        let sizes = Set(missing.map(\.size))
        guard !sizes.isEmpty else { return }
        let known = Set(plan.files.map(\.path))
        // If the old tree cannot be listed, none of its files are reused.
        let entries = (try? destination.entries(limit: 1_000_000)) ?? []
        for (path, status) in entries where status.kind == .file && sizes.contains(status.size) && !known.contains(path)
        {
            if isCancelled() { throw .cancelled }
            if let digest = try digest(at: path) { there.files[digest] = path }
        }
    }

    private func digest(at path: SafePath) throws(PullError) -> BlobDigest? {
        try onDisk("read", destination.display(path)) { () throws(Files.SystemError) in
            guard let file = try destination.open(path) else { return nil }
            let digest = try digests.digest(of: file, isCancelled: isCancelled)
            if let digest { digests.pulled.remember(DigestStamp(try file.status()), digest, now: Clocks.wall) }
            return digest
        }
    }
}
