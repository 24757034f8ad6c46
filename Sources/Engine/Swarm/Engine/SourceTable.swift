import SwarmCore

/// The range sources of a torrent, by the keys that the machine gave them; those of a plan have an id too.
///
/// It only keeps books: a source that is stopped or asked calls the engine back.
struct SourceTable {
    private(set) var byKey: [PeerKey: WebSource] = [:]
    private var keys: [String: PeerKey] = [:]
    /// Sources that the machine has just sent requests to.
    private var asked: Set<PeerKey> = []
    /// Verified bytes by source, for removed sources.
    private(set) var bankedCredits: [String: Int64] = [:]

    var isEmpty: Bool { byKey.isEmpty }
    var count: Int { byKey.count }
    var all: some Collection<WebSource> { byKey.values }
    subscript(key: PeerKey) -> WebSource? { byKey[key] }

    /// The sources of a plan.
    var named: [(id: String, key: PeerKey, source: WebSource)] {
        keys.compactMap { id, key in byKey[key].map { (id, key, $0) } }
    }

    func named(_ id: String) -> (key: PeerKey, source: WebSource)? {
        guard let key = keys[id], let source = byKey[key] else { return nil }
        return (key, source)
    }

    func isNamed(_ key: PeerKey, _ source: WebSource) -> Bool { keys[source.id] == key }

    mutating func add(_ source: WebSource, _ key: PeerKey) { byKey[key] = source }

    mutating func name(_ key: PeerKey, _ id: String) { keys[id] = key }

    mutating func remove(_ key: PeerKey) { byKey[key] = nil }

    /// Removes a source of a plan. The caller stops it.
    /// - Parameter credit: verified bytes that it sent.
    mutating func remove(
        named id: String, credit: (PeerKey) -> Int64
    ) -> (key: PeerKey, source: WebSource?)? {
        guard let key = keys.removeValue(forKey: id) else { return nil }
        bankedCredits[id, default: 0] += credit(key)
        return (key, byKey.removeValue(forKey: key))
    }

    mutating func asks(_ key: PeerKey) { asked.insert(key) }

    /// The sources that were sent requests since the last call.
    mutating func takeAsked() -> [WebSource] {
        guard !asked.isEmpty else { return [] }
        defer { asked.removeAll() }
        return asked.compactMap { byKey[$0] }
    }
}
