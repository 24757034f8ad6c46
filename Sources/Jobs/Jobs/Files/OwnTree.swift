import Files

/// A directory whose whole content this node makes: `DATA/transfer`, `BASE/.swoop`, or content on a mounted bucket that
/// is being replaced. The only place where a tree is removed with all that is in it.
package struct OwnTree: Sendable, Hashable {
    /// As the configuration has it: it may be a link to another disk. No component below it may be one.
    package let path: String

    package init(path: String) { self.path = path }

    /// Removes a file or a tree strictly below the root. Nothing happens when the path is not below it, when there is
    /// nothing, or when a link stands in between. What cannot be removed stays.
    package func remove(_ target: String) {
        guard target.hasPrefix(path + "/") else { return }
        let components = target.dropFirst(path.count + 1).split(separator: "/", omittingEmptySubsequences: false)
        let names = components.compactMap { FileName(String($0)) }
        guard names.count == components.count, let name = names.last,
            var directory = try? HeldDirectory.open(SystemPath(path))
        else { return }
        for name in names.dropLast() {
            guard let next = try? directory.directory(name) else { return }
            directory = next
        }
        try? directory.removeTree(name)
    }
}
