import Files
import Glibc
import Metainfo

/// Finds the files of a content.
package enum ContentScanner {
    /// Examines everything below `path`, or the one file at `path`, without reading file contents.
    /// - Throws: the first entry, by name, that cannot be in a torrent. Entries are examined in the order of their
    ///   names, so the result is reproducible.
    package static func scan(
        _ path: String, options: ScanOptions = ScanOptions(), limits: AuthoringLimits = .standard,
        isCancelled: () -> Bool = { false }
    ) throws(AuthoringError) -> ScannedContent {
        var root = Array(path.utf8)
        while root.count > 1, root.last == UInt8(ascii: "/") { root.removeLast() }
        let name = try name(of: root)
        let status: FileStatus
        do { status = try SystemFileLayer().status(path: SystemPath(root), followSymlink: true) } catch {
            throw .system(operation: "open", path: DisplayName.escape(root), error)
        }
        var walk = Walk(
            root: root, options: options, limits: limits, patterns: try ExcludePatterns(options.exclude))
        var isSingleFile = false
        switch status.kind {
        case .file:
            if walk.output?.isFile(status) == true { throw .outputIsContent(path: DisplayName.escape(root)) }
            isSingleFile = true
            walk.add(.empty, status, name: name.bytes)
        case .directory: try walk.directory(status, isCancelled: isCancelled)
        case .symlink: throw .symlink(path: DisplayName.escape(root))
        case .other:
            throw .specialFile(path: DisplayName.escape(root), kind: status.words)
        }
        guard walk.totalLength > 0 || (options.allowsEmpty && !walk.files.isEmpty) else {
            throw .noContent(path: DisplayName.escape(root))
        }
        return ScannedContent(
            root: root, name: name, isSingleFile: isSingleFile, files: walk.files, warnings: walk.warnings,
            totalLength: walk.totalLength)
    }

    /// The last component of the path; for `.`, `..` and the like the name of the directory they stand for.
    private static func name(of root: [UInt8]) throws(AuthoringError) -> PathComponent {
        var path = root
        if let name = try? PathComponent(path.split(separator: UInt8(ascii: "/")).last.map(Array.init) ?? []) {
            try Walk.checkText(name.bytes, path)
            return name
        }
        do { path = try SystemFileLayer().canonicalPath(SystemPath(root)).bytes } catch {
            throw .system(operation: "open", path: DisplayName.escape(root), error)
        }
        do {
            let name = try PathComponent(path.split(separator: UInt8(ascii: "/")).last.map(Array.init) ?? [])
            try Walk.checkText(name.bytes, path)
            return name
        } catch let error as PathProblem {
            throw .unusableName(path: DisplayName.escape(path), error)
        } catch {
            throw error as? AuthoringError ?? .nameIsNotUTF8(path: DisplayName.escape(path))
        }
    }
}

/// A running scan: a depth-first walk, with the entries of each directory sorted as bytes, which is the order of a v2
/// file tree. The directories still to be listed are kept in an explicit stack, so depth does not use the thread's
/// stack.
private struct Walk {
    let root: [UInt8]
    let options: ScanOptions
    let limits: AuthoringLimits
    let patterns: ExcludePatterns
    let output: OwnOutput?
    var files: [ScannedFile] = []
    var warnings: [ScanWarning] = []
    var totalLength: Int64 = 0
    private var entries = 0

    init(root: [UInt8], options: ScanOptions, limits: AuthoringLimits, patterns: ExcludePatterns) {
        self.root = root
        self.options = options
        self.limits = limits
        self.patterns = patterns
        output = options.output.map(OwnOutput.init(path:))
    }

    /// A directory between the root and the current position.
    private struct Level {
        /// Path below the root, without a slash before or after it; empty for the root itself.
        let path: [UInt8]
        let identity: EntryIdentity
        /// Sorted backwards: the next is the last.
        var names: [[UInt8]]
    }

    static func checkText(_ name: [UInt8], _ path: [UInt8]) throws(AuthoringError) {
        guard String(validating: name, as: UTF8.self) != nil else {
            throw .nameIsNotUTF8(path: DisplayName.escape(path))
        }
    }

    mutating func add(_ path: SafePath, _ status: FileStatus, name: [UInt8]) {
        if PortableNames.isRefusedByWindows(name) {
            warnings.append(.notForWindows(path.isEmpty ? DisplayName.escape(name) : path.display))
        }
        let file = ScannedFile(path: path, isExecutable: status.isExecutable, identity: DeviceStamp(status))
        files.append(file)
        // Sizes come from a file system, so their sum may overflow. The builder refuses content that is too large.
        let (sum, overflow) = totalLength.addingReportingOverflow(file.length)
        totalLength = overflow ? .max : sum
    }

    mutating func directory(_ status: FileStatus, isCancelled: () -> Bool) throws(AuthoringError) {
        var levels = [try list([], status)]
        while var level = levels.popLast() {
            guard let name = level.names.popLast() else { continue }
            levels.append(level)
            if isCancelled() { throw .cancelled }
            if let below = try visit(Self.join(level.path, name), name: name, above: levels) { levels.append(below) }
        }
    }

    /// Adds a file, or returns a directory to enter.
    private mutating func visit(
        _ joined: [UInt8], name: [UInt8], above levels: [Level]
    ) throws(AuthoringError) -> Level? {
        entries += 1
        guard entries <= limits.maxEntries else { throw .tooManyEntries(limit: limits.maxEntries) }
        let full = Self.join(root, joined)
        var display: String { DisplayName.escape(full) }
        var status: FileStatus
        do { status = try SystemFileLayer().status(path: SystemPath(full)) } catch {
            throw .system(operation: "look at", path: display, error)
        }
        if patterns.match(joined) { return nil }
        if isOutput(name, status, in: levels.last) {
            warnings.append(.ownOutput(DisplayName.escape(joined)))
            return nil
        }
        if status.kind == .symlink {
            switch options.symlinks {
            case .refuse: throw .symlink(path: display)
            case .skip:
                warnings.append(.symlinkSkipped(DisplayName.escape(joined)))
                return nil
            case .follow:
                do { status = try SystemFileLayer().status(path: SystemPath(full), followSymlink: true) } catch {
                    throw .system(operation: "follow the symbolic link", path: display, error)
                }
                if output?.isFile(status) == true {
                    warnings.append(.ownOutput(DisplayName.escape(joined)))
                    return nil
                }
            }
        }
        try Self.checkText(name, full)
        let path: SafePath
        do { path = try SafePath(components: joined.split(separator: UInt8(ascii: "/"))) } catch {
            throw .unusableName(path: display, error)
        }
        switch status.kind {
        case .file:
            add(path, status, name: name)
            return nil
        case .directory:
            if levels.contains(where: { $0.identity == EntryIdentity(status) }) {
                throw .symlinkLoop(path: display)
            }
            if PortableNames.isRefusedByWindows(name) { warnings.append(.notForWindows(path.display)) }
            return try list(joined, status)
        case .symlink: throw .symlink(path: display)
        case .other: throw .specialFile(path: display, kind: status.words)
        }
    }

    private func isOutput(_ name: [UInt8], _ status: FileStatus, in directory: Level?) -> Bool {
        guard let output else { return false }
        return output.isFile(status) || directory.map { output.isEntry(name, of: $0.identity) } == true
    }

    private mutating func list(_ path: [UInt8], _ status: FileStatus) throws(AuthoringError) -> Level {
        let full = path.isEmpty ? root : Self.join(root, path)
        var names: [[UInt8]]
        // The content itself may be a link; a directory below it only where links are followed.
        let mayBeLink = path.isEmpty || options.symlinks == .follow
        do { names = try SystemFileLayer().names(in: SystemPath(full), followSymlink: mayBeLink) } catch {
            throw .system(operation: "list", path: DisplayName.escape(full), error)
        }
        if names.isEmpty { warnings.append(.emptyDirectory(DisplayName.escape(path.isEmpty ? full : path))) }
        names.sort { $1.lexicographicallyPrecedes($0) }
        for (second, first) in PortableNames.collisions(among: names) {
            let (one, other) = (Self.join(path, first), Self.join(path, second))
            warnings.append(.sameNameIgnoringCase(DisplayName.escape(one), DisplayName.escape(other)))
        }
        return Level(path: path, identity: EntryIdentity(status), names: names)
    }

    private static func join(_ directory: [UInt8], _ name: [UInt8]) -> [UInt8] {
        guard !directory.isEmpty else { return name }
        var path = directory
        path.reserveCapacity(directory.count + 1 + name.count)
        path.append(UInt8(ascii: "/"))
        path.append(contentsOf: name)
        return path
    }
}

extension FileStatus {
    /// What it is, with an article, for what is neither a file, a directory nor a link.
    fileprivate var words: String {
        switch mode & S_IFMT {
        case S_IFIFO: "a FIFO"
        case S_IFSOCK: "a socket"
        case S_IFCHR, S_IFBLK: "a device"
        default: "no ordinary file"
        }
    }
}
