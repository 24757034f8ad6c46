import JSON
import Metainfo
import Text

/// How the swarms of a registry are found: by a secret, except those of NAMEs that are left to any client.
package struct SwarmTerms: Sendable {
    /// As it is written in files and told to those who may know it.
    package let text: Secret?
    /// The NAMEs whose swarms go by the torrent's own hash.
    package let open: NamePatterns
    /// Whether there is a secret, known here or not.
    package let isClosed: Bool
    /// Made of the text.
    package let secret: SwarmSecret?

    /// Patterns that are taken from another host.
    private static let mostPatterns = 1_000
    private static let (fewestBytes, mostBytes) = (1, 1_024)

    /// - Parameter text: nil for swarms of any client.
    package init(_ text: Secret?, open: NamePatterns = .none) {
        self.text = text
        self.open = open
        isClosed = text != nil
        secret = text.map { SwarmSecret(text: $0.value) }
    }

    /// There is a secret, which this host was not told.
    private init(unknownBeside open: NamePatterns) { (text, self.open, isClosed, secret) = (nil, open, true, nil) }

    /// Any client finds all swarms.
    package static let anyClient = SwarmTerms(nil)

    /// Whether the swarms of what is under a name go by the torrents' own hashes.
    package func isOpen(_ name: ContentName) -> Bool { !isClosed || open.match(name.text) }

    /// Whether this host can take part in the swarms of a name.
    package func reaches(_ name: ContentName) -> Bool { secret != nil || isOpen(name) }

    // MARK: Between hosts

    /// Nil for what is none, as a registry without a secret says.
    package init?(json value: JSONValue?) {
        guard let list = value?["open"]?.arrayValue, list.count <= Self.mostPatterns,
            let open = try? NamePatterns(list.compactMap(\.stringValue))
        else { return nil }
        guard let text = value?["secret"]?.stringValue else {
            self.init(unknownBeside: open)
            return
        }
        guard (Self.fewestBytes...Self.mostBytes).contains(text.utf8.count) else { return nil }
        self.init(Secret(text), open: open)
    }

    /// For other hosts; nil where there is no secret.
    /// - Parameter tellsSecret: whether the host may know it.
    package func json(tellsSecret: Bool) -> JSONValue? {
        guard isClosed else { return nil }
        var object: JSONObject = ["open": .array(open.patterns.map { .string($0) })]
        if tellsSecret, let text { object["secret"] = .string(text.value) }
        return .object(object)
    }
}

extension SwarmTerms: Hashable {
    package static func == (left: Self, right: Self) -> Bool {
        left.text == right.text && left.isClosed == right.isClosed && left.open.patterns == right.open.patterns
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(isClosed)
        hasher.combine(open.patterns)
    }
}
