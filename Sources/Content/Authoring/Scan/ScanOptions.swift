/// What a scan does with symbolic links below the path that it was given. (That path itself may be a link: whoever
/// named it meant what it points at.)
package enum SymlinkPolicy: String, Sendable, Hashable, CaseIterable {
    /// A link is an error that names it.
    case refuse
    /// What a link points at takes its place.
    case follow
    /// Links are left out, with a warning.
    case skip
}

/// What a scan takes in.
package struct ScanOptions: Sendable, Hashable {
    package var symlinks = SymlinkPolicy.refuse
    /// Regular expressions. A file or directory is left out, with all that is in it, when one of them matches somewhere
    /// in its path below the top-level name ("a/b/c.txt").
    package var exclude: [String] = []
    /// Where the torrent will be written. That file is left out, as are those that earlier runs left in its place.
    package var output: String?

    package init(symlinks: SymlinkPolicy = .refuse, exclude: [String] = [], output: String? = nil) {
        self.symlinks = symlinks
        self.exclude = exclude
        self.output = output
    }
}

/// Something about the content that whoever makes the torrent should know, and that does not stop it.
/// Names in it are escaped for display.
package enum ScanWarning: Sendable, Hashable {
    /// A torrent holds files only: receivers will not have this directory.
    case emptyDirectory(String)
    /// Two names in one directory that are one name to systems that ignore case or normalise (macOS, Windows).
    case sameNameIgnoringCase(String, String)
    /// A name that Windows does not allow.
    case notForWindows(String)
    case symlinkSkipped(String)
    /// The torrent that is to be written, or what is left of an earlier writing of it.
    case ownOutput(String)
}

extension ScanWarning: CustomStringConvertible {
    package var description: String {
        switch self {
        case .emptyDirectory(let path): "the directory '\(path)' is empty and will be missing: torrents hold files only"
        case .sameNameIgnoringCase(let one, let other):
            "'\(one)' and '\(other)' are the same name on systems that ignore case or normalise names"
        case .notForWindows(let path): "the name '\(path)' is not allowed on Windows"
        case .ownOutput(let path):
            "'\(path)' is left out: it is the torrent that is to be written, or an earlier one of it"
        case .symlinkSkipped(let path): "the symbolic link '\(path)' is left out"
        }
    }
}
