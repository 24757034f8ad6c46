import Files
import Glibc

/// Files and trees of content as publication handles them. No link is followed below the path that is named. Block.
package enum PathTrees {
    /// Bytes copied at a time.
    private static let blockBytes = 1 << 20

    /// An entry of a directory that is held open.
    private struct Entry {
        let directory: HeldDirectory
        let name: FileName
        /// For error texts.
        let path: String

        init(_ path: String, for operation: String) throws(FileFailure) {
            do throws(SystemError) { (directory, name) = try HeldDirectory.holding(SystemPath(path)) } catch {
                throw FileFailure(operation, path, error)
            }
            self.path = path
        }

        init(_ directory: HeldDirectory, _ name: FileName, _ path: String) {
            self.directory = directory
            self.name = name
            self.path = path
        }

        /// Does something with the entry, and says with which if that fails.
        func run<R>(_ operation: String, _ body: () throws(SystemError) -> R) throws(FileFailure) -> R {
            do throws(SystemError) { return try body() } catch { throw FileFailure(operation, path, error) }
        }

        func status() throws(FileFailure) -> FileStatus {
            try run("look at") { () throws(SystemError) in
                guard let status = try directory.status(name) else { throw SystemError(ENOENT) }
                return status
            }
        }

        func enter() throws(FileFailure) -> HeldDirectory {
            try run("open") { () throws(SystemError) in try directory.directory(name) }
        }

        /// The entries of the directory that this is.
        func entries(in opened: HeldDirectory) throws(FileFailure) -> [Entry] {
            try run("list") { () throws(SystemError) in try opened.names() }.map { inside(opened, $0) }
        }

        func inside(_ opened: HeldDirectory, _ name: FileName) -> Entry { Entry(opened, name, "\(path)/\(name.text)") }
    }

    // MARK: Durability

    /// Makes a file, or all files and directories in a directory, durable.
    package static func synchronize(_ path: String) throws(FileFailure) { try synchronize(Entry(path, for: "look at")) }

    private static func synchronize(_ entry: Entry) throws(FileFailure) {
        switch try entry.status().kind {
        case .directory:
            let directory = try entry.enter()
            for inner in try entry.entries(in: directory) { try synchronize(inner) }
            try entry.run("make durable") { () throws(SystemError) in try directory.synchronize() }
        case .file:
            let file = try entry.run("open") { () throws(SystemError) in try entry.directory.open(entry.name) }
            try entry.run("make durable") { () throws(SystemError) in try file.synchronize() }
        case .symlink, .other: break
        }
    }

    // MARK: Copies

    /// Copies a file or a tree to where it cannot be renamed, such as a mounted bucket: file by file, each durable. What a directory
    /// there has beside it is removed. A link, a FIFO or a device is an error.
    /// - Parameter isInterrupted: asked for each block.
    /// - Throws: `ECANCELED` if it was interrupted.
    package static func copy(
        _ path: String, to target: String, isInterrupted: () -> Bool = { false }
    ) throws(FileFailure) {
        let slash = target.lastIndex(of: "/") ?? target.startIndex
        try PathFiles.makeDirectory(String(target[..<slash]))
        try copy(Entry(path, for: "look at"), to: Entry(target, for: "write"), isInterrupted)
    }

    /// The same, into a directory that is held open.
    /// - Parameter target: the path of the copy, for error texts.
    static func copy(
        _ path: String, to name: FileName, in directory: HeldDirectory, path target: String,
        isInterrupted: () -> Bool
    ) throws(FileFailure) {
        try copy(Entry(path, for: "look at"), to: Entry(directory, name, target), isInterrupted)
    }

    private static func copy(
        _ source: Entry, to target: Entry, _ isInterrupted: () -> Bool
    ) throws(FileFailure) {
        guard try source.status().kind == .directory else { return try copyFile(source, to: target, isInterrupted) }
        let from = try source.enter()
        let to = try target.run("make the directory") { () throws(SystemError) in
            do throws(SystemError) {
                try target.directory.makeDirectory(target.name)
            } catch  where error.number == EEXIST {}
            return try target.directory.directory(target.name)
        }
        let entries = try source.entries(in: from)
        for entry in entries { try copy(entry, to: target.inside(to, entry.name), isInterrupted) }
        let copied = Set(entries.map(\.name))
        for stale in try target.entries(in: to) where !copied.contains(stale.name) { try? to.removeTree(stale.name) }
        try target.run("make durable") { () throws(SystemError) in try to.synchronize() }
    }

    private static func copyFile(
        _ source: Entry, to target: Entry, _ isInterrupted: () -> Bool
    ) throws(FileFailure) {
        let old = try source.run("open") { () throws(SystemError) in try source.directory.open(source.name) }
        let isExecutable = try source.run("read") { () throws(SystemError) in
            let status = try old.status()
            guard status.kind == .file else { throw SystemError(EINVAL) }
            return status.isExecutable
        }
        var options: OpenOptions = [.writeOnly, .create, .truncate]
        if isExecutable { options.insert(.executable) }
        let new = try target.run("write") { [options] () throws(SystemError) in
            let new = try target.directory.open(target.name, options)
            guard try new.status().kind == .file else { throw SystemError(EINVAL) }
            return new
        }
        let block = UnsafeMutableRawBufferPointer.allocate(byteCount: blockBytes, alignment: 4096)
        defer { block.deallocate() }
        var position: Int64 = 0
        while true {
            if isInterrupted() { throw FileFailure(operation: "copy", path: source.path, number: ECANCELED) }
            let count = try source.run("read") { () throws(SystemError) in try old.read(into: block, at: position) }
            if count == 0 { break }
            try target.run("write") { () throws(SystemError) in
                try new.write(UnsafeRawBufferPointer(rebasing: block[..<count]), at: position)
            }
            position += Int64(count)
        }
        try target.run("make durable") { () throws(SystemError) in try new.synchronize() }
    }
}
