import Registry

/// The names at or below a path, as bounds for comparing their bytes. Names are ASCII, and `0` is the byte after `/`.
struct PathRange {
    let path: String
    /// The lower bound: no name of the range is less.
    let first: String
    /// The upper bound: all names of the range are less.
    let end: String
    /// A name of the range is either `path` itself, or not less than this.
    let below: String
    let afterName: String
    let afterTag: String

    init(_ path: String, after: Reference?) {
        self.path = path
        below = path.isEmpty ? "" : path + "/"
        end = path.isEmpty ? "\u{7f}" : path + "0"
        afterName = after?.name.text ?? ""
        if case .tag(let tag) = after?.version { afterTag = tag.text } else { afterTag = "" }
        first = afterName.utf8.lexicographicallyPrecedes(path.utf8) ? path : afterName
    }
}
