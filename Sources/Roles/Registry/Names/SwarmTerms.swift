import JSON
import Metainfo
import Text

/// The rules by which hosts take part in the swarms of a registry: with a secret, except for NAMEs whose swarms are open to
/// any BitTorrent client.
package struct SwarmTerms: Sendable {
    /// The secret's text, as files hold it and as it is sent to hosts that may know it; nil where there is none, or where it
    /// is unknown.
    package let text: Secret?
    /// The NAMEs whose swarms use the torrent's own info hash.
    package let open: NamePatterns
    /// Whether the registry has a secret, even if this host does not know it.
    package let isClosed: Bool
    /// The key that is made from `text`.
    package let secret: SwarmSecret?

    /// The most patterns that are accepted from another host.
    package static let mostPatterns = 256
    private static let (fewestBytes, mostBytes) = (1, 1_024)

    /// - Parameter text: nil where all swarms are open to any client.
    package init(_ text: Secret?, open: NamePatterns = .none) {
        self.text = text
        self.open = open
        isClosed = text != nil
        secret = text.map { SwarmSecret(text: $0.value) }
    }

    /// The registry has a secret that this host was not told.
    private init(unknownBeside open: NamePatterns) { (text, self.open, isClosed, secret) = (nil, open, true, nil) }

    /// There is no secret: all swarms are open to any client.
    package static let anyClient = SwarmTerms(nil)

    /// Whether the swarms of content under a name use the torrents' own info hashes.
    package func isOpen(_ name: ContentName) -> Bool { !isClosed || open.match(name.text) }

    /// Whether this host can take part in the swarms of content under a name.
    package func reaches(_ name: ContentName) -> Bool { secret != nil || isOpen(name) }

    // MARK: Between hosts

    /// Reads the terms from a registry's answer. Nil where there are none, as from a registry without a secret. Where they are
    /// malformed nothing is open, and the secret is unknown.
    package init?(json value: JSONValue?) {
        guard let value, case .object = value else { return nil }
        let patterns = value["open"]?.arrayValue.map { $0.compactMap(\.stringValue) } ?? []
        let open = patterns.count <= Self.mostPatterns ? (try? NamePatterns(simple: patterns)) ?? .none : .none
        guard let text = value["secret"]?.stringValue,
            (Self.fewestBytes...Self.mostBytes).contains(text.utf8.count)
        else {
            self.init(unknownBeside: open)
            return
        }
        self.init(Secret(text), open: open)
    }

    /// The terms to send to another host; nil where the registry has no secret.
    /// - Parameter tellsSecret: whether that host may know the secret.
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
