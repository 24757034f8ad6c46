import Admission
import PeerWire
import SwarmCore

/// The connections of a torrent, without further ones (``FurtherConnectionTable``): those whose handshake is in progress,
/// and one for each peer that has joined.
///
/// It only keeps books: the caller starts and closes connections. Nothing is called from here, so that a connection may
/// close while another is looked at.
struct ConnectionTable {
    private(set) var joined: [PeerKey: PeerConnection] = [:]
    /// Connections whose handshake is in progress.
    private(set) var opening: [ObjectIdentifier: PeerConnection] = [:]
    /// By peer id and source.
    private var admission: PeerAdmission<PeerID, Source>
    /// The incoming connections.
    private var incoming: IncomingRoom<PeerKey>
    /// Number of joined peers that this host dialled.
    private(set) var dialled = 0

    /// - Parameter own: this host's peer id.
    init(own: PeerID, limits: IncomingLimits) {
        admission = PeerAdmission(own: own)
        incoming = IncomingRoom(limits: limits)
    }

    var isEmpty: Bool { joined.isEmpty && opening.isEmpty }
    /// All connections of both kinds, to close them.
    var all: [PeerConnection] { Array(joined.values) + Array(opening.values) }

    // MARK: Handshakes

    mutating func opens(_ connection: PeerConnection) { opening[ObjectIdentifier(connection)] = connection }

    /// The handshake is complete, or the connection is closed.
    mutating func handshakeEnded(of connection: PeerConnection) { opening[ObjectIdentifier(connection)] = nil }

    // MARK: Joining

    func verdict(on id: PeerID, at source: Source, isIncoming: Bool) -> PeerAdmission<PeerID, Source>.Verdict {
        admission.verdict(id, at: source, isIncoming: isIncoming)
    }

    /// Whether there is room for an incoming connection.
    func room(for source: Source, now: Double) -> IncomingRoom<PeerKey>.Verdict {
        incoming.verdict(for: source, now: now)
    }

    mutating func joined(_ connection: PeerConnection, as key: PeerKey, _ id: PeerID, now: Double) {
        let source = connection.address.source
        joined[key] = connection
        admission.joined(key, id, at: source, isIncoming: connection.isIncoming)
        if connection.isIncoming { incoming.insert(key, from: source, now: now) } else { dialled += 1 }
    }

    mutating func progressed(_ key: PeerKey, now: Double) { incoming.progressed(key, now: now) }

    mutating func left(_ connection: PeerConnection, _ key: PeerKey) {
        joined[key] = nil
        admission.left(key)
        if connection.isIncoming { incoming.remove(key) } else { dialled -= 1 }
    }

    // MARK: Bans

    func isBanned(_ source: Source) -> Bool { admission.isBanned(source) }

    /// - Returns: the other connections of the source, if so many of its peers are banned that it is banned as a whole.
    @discardableResult
    mutating func ban(_ id: PeerID?, at source: Source) -> [PeerKey] { admission.ban(id, at: source) }
}
