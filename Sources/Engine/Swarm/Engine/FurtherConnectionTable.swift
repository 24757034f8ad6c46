import PeerWire
import SwarmCore

/// The further connections of a torrent's peers. Each belongs to the peer whose first connection is in
/// ``TorrentEngine/connections``.
struct FurtherConnectionTable {
    /// The peer ids that we gave out for further connections, each to one peer.
    private var keys: [PeerID: PeerKey] = [:]
    private var ids: [PeerKey: PeerID] = [:]
    /// Open connections.
    private(set) var open: [PeerKey: [PeerConnection]] = [:]
    /// Connections that we are opening, by peer.
    private(set) var dialling: [PeerKey: [PeerConnection]] = [:]
    private(set) var count = 0
    /// Which peers get how many.
    var plan: FurtherConnectionPlan<PeerKey>

    init(limits: ConnectionLimits) { plan = FurtherConnectionPlan(limits: limits) }

    func key(of id: PeerID) -> PeerKey? { keys[id] }

    /// The peer id with which this peer opens further connections.
    mutating func id(for key: PeerKey) -> PeerID {
        if let id = ids[key] { return id }
        var generator = SystemRandomNumberGenerator()
        let id = PeerID(random: &generator)
        keys[id] = key
        ids[key] = id
        return id
    }

    func count(of key: PeerKey) -> Int { 1 + (open[key]?.count ?? 0) + (dialling[key]?.count ?? 0) }

    func openCount(of key: PeerKey) -> Int { 1 + (open[key]?.count ?? 0) }

    mutating func dials(_ connection: PeerConnection, _ key: PeerKey) {
        dialling[key, default: []].append(connection)
        count += 1
    }

    mutating func opened(_ connection: PeerConnection, _ key: PeerKey) {
        remove(connection, key)
        open[key, default: []].append(connection)
        count += 1
    }

    /// - Returns: whether it was open.
    @discardableResult
    mutating func remove(_ connection: PeerConnection, _ key: PeerKey) -> Bool {
        let wasOpen = Self.removeConnection(connection, key, from: &open)
        let wasDialling = Self.removeConnection(connection, key, from: &dialling)
        if wasOpen || wasDialling { count -= 1 }
        return wasOpen
    }

    private static func removeConnection(
        _ connection: PeerConnection, _ key: PeerKey, from table: inout [PeerKey: [PeerConnection]]
    ) -> Bool {
        guard let index = table[key]?.firstIndex(where: { $0 === connection }) else { return false }
        table[key]?.remove(at: index)
        if table[key]?.isEmpty == true { table[key] = nil }
        return true
    }

    /// The peer has left.
    /// - Returns: its further connections, which the caller must close.
    mutating func forget(_ key: PeerKey) -> [PeerConnection] {
        if let id = ids.removeValue(forKey: key) { keys[id] = nil }
        plan.forget(key)
        let rest = (open.removeValue(forKey: key) ?? []) + (dialling.removeValue(forKey: key) ?? [])
        count -= rest.count
        return rest
    }
}
