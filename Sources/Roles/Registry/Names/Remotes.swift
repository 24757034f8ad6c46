/// The remote registries to which tags are replicated, and which tags each of them gets.
package struct Remotes: Sendable {
    private let all: [(remote: String, patterns: NamePatterns)]

    package static let none = Remotes(all: [])
    private init(all: [(remote: String, patterns: NamePatterns)]) { self.all = all }

    /// - Parameter patterns: for the URL of each registry, regular expressions that must match the whole `NAME:TAG`.
    package init(_ patterns: [(remote: String, patterns: [String])]) throws(NamePatterns.Malformed) {
        var all: [(String, NamePatterns)] = []
        for (remote, texts) in patterns { all.append((remote, try NamePatterns(texts))) }
        self.all = all
    }

    package var isEmpty: Bool { all.isEmpty }
    /// The URLs of all remotes, each once.
    package var urls: [String] {
        all.map(\.remote).reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
    }

    /// The URLs of the registries that get a tag, each once.
    package func matching(_ name: ContentName, _ tag: Tag) -> [String] {
        guard !all.isEmpty else { return [] }
        let text = "\(name):\(tag)"
        return all.filter { $0.patterns.match(text) }.map(\.remote).reduce(into: []) {
            if !$0.contains($1) { $0.append($1) }
        }
    }
}

/// The registries through which a replicated tag has come, first one first: the value of the request header
/// `Swoop-Clusters`. A tag is not replicated to a registry on this path, so that it cannot circle.
package struct ClusterPath: Hashable, Sendable, CustomStringConvertible {
    package static let header = "Swoop-Clusters"
    package static let none = ClusterPath([])
    private static let most = 16
    private static let mostBytes = 32

    package let clusters: [String]

    private init(_ clusters: [String]) { self.clusters = clusters }

    /// Parses the header's value. Entries that are not the name of a cluster are left out.
    package init(_ text: String?) {
        let parts = (text ?? "").split(separator: ",").prefix(Self.most).map { String($0.filter { $0 != " " }) }
        clusters = parts.filter { part in
            !part.isEmpty && part.utf8.count <= Self.mostBytes
                && part.utf8.allSatisfy { NameByte.isAlphanumeric($0) }
        }
    }

    package func contains(_ cluster: String) -> Bool { clusters.contains(cluster) }

    package func adding(_ cluster: String) -> ClusterPath {
        ClusterPath(clusters.contains(cluster) ? clusters : clusters + [cluster])
    }

    /// Whether the path has its most entries. A tag with such a path is not replicated further.
    package var isFull: Bool { clusters.count >= Self.most }

    package var description: String { clusters.joined(separator: ",") }
}
