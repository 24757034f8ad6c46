import Text

/// The path of a file server request, as components below the served directory.
///
/// Components are bytes, because file names are. None is empty, `.` or `..`, none contains a slash or a NUL, and none begins
/// with `.swoop` or ends in it, as the node's own names do: the directory `.swoop`, which contains unfinished content, cannot be
/// named. Other names may begin with a dot below the first component, see ``contentRoots``.
package struct ServedPath: Equatable, Sendable {
    package let components: [[UInt8]]

    package static let prefix = "/dcp/"

    /// - Parameter target: the request's target as received, with its query.
    package init?(target: String) {
        let path = target.utf8.prefix { $0 != UInt8(ascii: "?") && $0 != UInt8(ascii: "#") }
        guard path.starts(with: Self.prefix.utf8), path.count <= 4096 else { return nil }
        var components: [[UInt8]] = []
        for part in path.dropFirst(Self.prefix.utf8.count).split(
            separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        {
            guard let name = PercentEncoding.decodeBytes(part), !name.isEmpty, !name.contains(0),
                !name.contains(UInt8(ascii: "/")), !Self.isHidden(name) || (!components.isEmpty && Self.isUsable(name))
            else { return nil }
            components.append(name)
        }
        self.components = components
    }

    private static func isHidden(_ name: [UInt8]) -> Bool { name.first == UInt8(ascii: ".") }

    /// Whether a name that begins with a dot may be one of content: neither a way through the tree nor one of the node's own.
    private static func isUsable(_ name: [UInt8]) -> Bool {
        let name = name[...]
        return name.count > 1 && !name.elementsEqual("..".utf8) && !name.starts(with: ".swoop".utf8)
            && !name.suffix(6).elementsEqual(".swoop".utf8)
    }

    /// The paths of which one must be that of published content for this path to be served: a file whose name, or that of a
    /// directory above it, begins with a dot is served if the content's torrent has it, and not otherwise. Content is at `NAME`, `SUBDIR/NAME` or
    /// `SUBDIR/dcps/NAME`. Empty for a path without such a name, which is served wherever it leads.
    package var contentRoots: [[[UInt8]]] {
        guard let first = components.firstIndex(where: Self.isHidden) else { return [] }
        return (1...3).filter { $0 <= first }.map { Array(components[..<$0]) }
    }
}
