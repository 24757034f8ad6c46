/// Which names the library leaves alone, in scans, watches and additions alike.
package struct LibraryRules: Sendable, Equatable {
    /// Directories (or files) left out with everything below them.
    package var excludedTrees: [AbsolutePath] = []
    /// Names that end so are left out, directories with all that is in them: what stands beside contents.
    package var excludedEndings = [".torrent", ".finished", ".task.json", ".bterr", ".obserr", ".cdnerr", ".swoop"]
    /// Names that begin so are left out: work in progress of our own.
    package var excludedBeginnings = [".swoop"]

    package init() {}

    /// Whether something of that name is left out wherever it lies.
    func excludes(name: some Collection<UInt8>) -> Bool {
        excludedBeginnings.contains { name.starts(with: $0.utf8) }
            || excludedEndings.contains {
                name.count >= $0.utf8.count && name.suffix($0.utf8.count).elementsEqual($0.utf8)
            }
    }

    /// Whether a path, which lies below `root`, is left out itself or by a directory above it.
    func excludes(_ path: AbsolutePath, below root: AbsolutePath? = nil) -> Bool {
        if excludedTrees.contains(where: { path.isWithin($0) }) { return true }
        let known = root?.components.count ?? 0
        return path.components.dropFirst(known).contains { excludes(name: $0) }
    }
}
