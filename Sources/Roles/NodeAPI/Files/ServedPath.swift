import Text

/// The path of a file server request, as components below the served directory.
///
/// Components are bytes, because file names are. None is empty, `.`, `..` or hidden, and none contains a slash or a
/// NUL: so the node's own directory `.swoop`, which contains unfinished content, cannot be named.
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
            guard let name = PercentEncoding.decodeBytes(part), !name.isEmpty, name.first != UInt8(ascii: "."),
                !name.contains(0), !name.contains(UInt8(ascii: "/"))
            else { return nil }
            components.append(name)
        }
        self.components = components
    }
}
