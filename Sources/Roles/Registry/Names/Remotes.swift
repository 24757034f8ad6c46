/// Other registries, and the tags that each of them gets too.
package struct Remotes: Sendable {
    private let all: [(remote: String, patterns: NamePatterns)]

    package static let none = Remotes(all: [])
    private init(all: [(remote: String, patterns: NamePatterns)]) { self.all = all }

    /// - Parameter patterns: by the URL of each registry, regular expressions that are held against the whole of `NAME:TAG`.
    package init(_ patterns: [(remote: String, patterns: [String])]) throws(NamePatterns.Malformed) {
        var all: [(String, NamePatterns)] = []
        for (remote, texts) in patterns { all.append((remote, try NamePatterns(texts))) }
        self.all = all
    }

    package var isEmpty: Bool { all.isEmpty }
    /// Each once.
    package var urls: [String] {
        all.map(\.remote).reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
    }

    /// The registries that get a tag.
    package func matching(_ name: ContentName, _ tag: Tag) -> [String] {
        guard !all.isEmpty else { return [] }
        let text = "\(name):\(tag)"
        return all.filter { $0.patterns.match(text) }.map(\.remote).reduce(into: []) {
            if !$0.contains($1) { $0.append($1) }
        }
    }
}

/// The registries that a tag has come through, the first one first, as `Swoop-Clusters` of a request says: none of them takes it again, so
/// that nothing circles.
package struct ClusterPath: Hashable, Sendable, CustomStringConvertible {
    package static let header = "Swoop-Clusters"
    package static let none = ClusterPath([])
    private static let most = 16
    private static let mostBytes = 32

    package let clusters: [String]

    private init(_ clusters: [String]) { self.clusters = clusters }

    /// What is no name of a cluster is left out.
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

    /// A path that is full leads no further.
    package var isFull: Bool { clusters.count >= Self.most }

    package var description: String { clusters.joined(separator: ",") }
}
