/// How a scan treats symbolic links below the given path. (The path itself may be a link and is followed.)
package enum SymlinkPolicy: String, Sendable, Hashable, CaseIterable {
    /// A link is an error that names it.
    case refuse
    /// A link is replaced by its target.
    case follow
    /// Links are left out, with a warning.
    case skip
}

/// Options of a scan.
package struct ScanOptions: Sendable, Hashable {
    package var symlinks = SymlinkPolicy.refuse
    /// Regular expressions. A file or directory, with its contents, is left out if one of them matches anywhere in its
    /// path below the top-level name ("a/b/c.txt").
    package var exclude: [String] = []
    /// The path to which the torrent will be written. That file is left out, and so are remains of earlier runs.
    package var output: String?
    /// Whether content without a byte in it is content too.
    package var allowsEmpty = false

    package init(symlinks: SymlinkPolicy = .refuse, exclude: [String] = [], output: String? = nil) {
        self.symlinks = symlinks
        self.exclude = exclude
        self.output = output
    }
}

/// A warning about the content, for the user who makes the torrent. Names in it are escaped for display.
package enum ScanWarning: Sendable, Hashable {
    /// A torrent contains only files: receivers will not get this directory.
    case emptyDirectory(String)
    /// Two names in one directory that are the same on systems that ignore case or normalise (macOS, Windows).
    case sameNameIgnoringCase(String, String)
    /// A name that Windows does not allow.
    case notForWindows(String)
    case symlinkSkipped(String)
    /// The torrent to be written, or the remains of an earlier run.
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
