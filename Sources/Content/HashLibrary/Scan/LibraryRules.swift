/// Names that the library ignores in scans, watches and additions.
package struct LibraryRules: Sendable, Equatable {
    /// Directories (or files) that are excluded with everything below them.
    package var excludedTrees: [AbsolutePath] = []
    /// Files and directories whose names have these endings are excluded: they belong to contents but are not content.
    package var excludedEndings = [".torrent", ".finished", ".task.json", ".bterr", ".obserr", ".cdnerr", ".swoop"]
    /// Files and directories whose names have these beginnings are excluded: incomplete downloads and our own records.
    package var excludedBeginnings = [".swoop"]

    package init() {}

    /// Whether a file or directory of this name is excluded in any place.
    func excludes(name: some Collection<UInt8>) -> Bool {
        excludedBeginnings.contains { name.starts(with: $0.utf8) }
            || excludedEndings.contains {
                name.count >= $0.utf8.count && name.suffix($0.utf8.count).elementsEqual($0.utf8)
            }
    }

    /// Whether a path below `root` is excluded, by its own name or that of a directory above it.
    func excludes(_ path: AbsolutePath, below root: AbsolutePath? = nil) -> Bool {
        if excludedTrees.contains(where: { path.isWithin($0) }) { return true }
        let known = root?.components.count ?? 0
        return path.components.dropFirst(known).contains { excludes(name: $0) }
    }
}
