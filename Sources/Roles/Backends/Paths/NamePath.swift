/// How a name becomes a path in a back end. The texts and what they mean are Kraken's `name_path`, so that what it or Docker's
/// registry has stored is found.
package enum NamePath: String, Sendable, CaseIterable {
    /// The name is the path.
    case identity
    /// A blob as Docker's registry keeps it: `docker/registry/v2/blobs/sha256/ab/abcd…/data`. Names are 64 digits.
    case shardedDockerBlob = "sharded_docker_blob"
    /// A tag as Docker's registry keeps it: `docker/registry/v2/repositories/NAME/_manifests/tags/TAG/current/link`. Names are
    /// `NAME:TAG`.
    case dockerTag = "docker_tag"

    private static let blobs = "docker/registry/v2/blobs/sha256/"
    private static let repositories = "docker/registry/v2/repositories/"
    private static let tags = "/_manifests/tags/"
    private static let link = "/current/link"

    /// The directory that all paths are in; empty for the root.
    var directory: String {
        switch self {
        case .identity: ""
        case .shardedDockerBlob: String(Self.blobs.dropLast())
        case .dockerTag: String(Self.repositories.dropLast())
        }
    }

    /// Nil for what is no name of this kind.
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

    /// The name that has this path; nil for a path that is no name's.
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

/// How the names of one back end become paths: below its root.
package struct BlobPaths: Hashable, Sendable, CustomStringConvertible {
    /// Nil for the store's own root.
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

    /// Nil for the path of something else.
    package func name(of path: String) -> String? {
        guard let root else { return kind.name(of: path) }
        guard path.hasPrefix(root.text + "/") else { return nil }
        return kind.name(of: String(path.dropFirst(root.text.count + 1)))
    }

    /// Where all of them lie; nil for the root of the store.
    package var directory: BackendPath? {
        guard let root else { return BackendPath(kind.directory) }
        return kind.directory.isEmpty ? root : root.appending(kind.directory)
    }

    package var description: String { root.map { "\($0) \(kind.rawValue)" } ?? kind.rawValue }
}
