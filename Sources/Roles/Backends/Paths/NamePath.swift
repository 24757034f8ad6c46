/// The rule that maps a name to a path in a back end. Its values and their meaning are those of Kraken's `name_path`, so
/// that files stored by Kraken or by Docker's registry are found.
package enum NamePath: String, Sendable, CaseIterable {
    /// The name is the path.
    case identity
    /// The path of a blob in Docker's registry: `docker/registry/v2/blobs/sha256/ab/abcd…/data`. Names are 64 hexadecimal
    /// digits.
    case shardedDockerBlob = "sharded_docker_blob"
    /// The path of a tag in Docker's registry: `docker/registry/v2/repositories/NAME/_manifests/tags/TAG/current/link`.
    /// Names are `NAME:TAG`.
    case dockerTag = "docker_tag"

    private static let blobs = "docker/registry/v2/blobs/sha256/"
    private static let repositories = "docker/registry/v2/repositories/"
    private static let tags = "/_manifests/tags/"
    private static let link = "/current/link"

    /// The directory above all paths; empty for the root.
    var directory: String {
        switch self {
        case .identity: ""
        case .shardedDockerBlob: String(Self.blobs.dropLast())
        case .dockerTag: String(Self.repositories.dropLast())
        }
    }

    /// The path of a name; nil for a name that this rule cannot map.
    func path(of name: String) -> String? {
        switch self {
        case .identity: return name
        case .shardedDockerBlob:
            guard Self.isDigest(name) else { return nil }
            return "\(Self.blobs)\(name.prefix(2))/\(name)/data"
        case .dockerTag:
            let parts = name.split(separator: ":", omittingEmptySubsequences: false)
            guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty, !parts[1].contains("/") else { return nil }
            return "\(Self.repositories)\(parts[0])\(Self.tags)\(parts[1])\(Self.link)"
        }
    }

    /// The name that is mapped to a path; nil for a path to which no name is mapped.
    func name(of path: String) -> String? {
        switch self {
        case .identity: return path
        case .shardedDockerBlob:
            let parts = path.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
            guard path.hasPrefix(Self.blobs), parts.count == 8, parts[7] == "data", Self.isDigest(parts[6]),
                parts[5] == parts[6].prefix(2)
            else { return nil }
            return parts[6]
        case .dockerTag:
            guard path.hasPrefix(Self.repositories), path.hasSuffix(Self.link) else { return nil }
            let parts = path.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
            // docker/registry/v2/repositories/NAME…/_manifests/tags/TAG/current/link
            guard parts.count >= 10, parts[parts.count - 5] == "_manifests", parts[parts.count - 4] == "tags" else {
                return nil
            }
            let name = parts[4..<(parts.count - 5)].joined(separator: "/")
            return "\(name):\(parts[parts.count - 3])"
        }
    }

    private static func isDigest(_ text: String) -> Bool {
        text.utf8.count == 64
            && text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    }
}

/// The rule that maps names to paths in one back end, below a root directory.
package struct BlobPaths: Hashable, Sendable, CustomStringConvertible {
    /// The directory above all paths; nil for the store's own root.
    package let root: BackendPath?
    package let kind: NamePath

    package init(root: BackendPath? = nil, _ kind: NamePath) {
        self.root = root
        self.kind = kind
    }

    package func path(of name: String) throws(BackendProblem) -> BackendPath {
        guard let relative = kind.path(of: name), let path = BackendPath(relative),
            let whole = root.map({ $0.appending(path.text) }) ?? path
        else { throw BackendProblem(.unsupported, "'\(kind.rawValue)' has no path for such a name") }
        return whole
    }

    /// The name that is mapped to a path; nil for any other path.
    package func name(of path: String) -> String? {
        guard let root else { return kind.name(of: path) }
        guard path.hasPrefix(root.text + "/") else { return nil }
        return kind.name(of: String(path.dropFirst(root.text.count + 1)))
    }

    /// The directory that holds all paths; nil for the root of the store.
    package var directory: BackendPath? {
        guard let root else { return BackendPath(kind.directory) }
        return kind.directory.isEmpty ? root : root.appending(kind.directory)
    }

    package var description: String { root.map { "\($0) \(kind.rawValue)" } ?? kind.rawValue }
}
