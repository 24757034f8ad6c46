import Address
import Hashing
import SwarmCore

/// The addresses at which a torrent's peers listen, and for each the swarm in which it was heard of: a hybrid torrent has
/// two.
struct KnownPeers {
    /// Which address to dial next.
    var book: PeerBook<PeerAddress>
    private let primary: SHA1Digest
    /// Addresses by the info hash of their swarm, where it is not the primary one.
    private var swarmOf = RecentKeys<PeerAddress, SHA1Digest>(capacity: 4_000)

    /// Addresses that could not be dialled, for trackers to hear of; the newest last.
    private var unreached: [PeerAddress] = []
    private static let mostUnreached = 32

    private var nextUnhurried = -Double.infinity
    /// Seconds between two addresses that a host without hurry dials.
    private static let unhurriedPause = 0.5

    /// - Parameters:
    ///   - primary: the info hash that a handshake names if the address has no other.
    ///   - pieceLength: bytes of a piece; nil before the metadata is known.
    init(primary: SHA1Digest, pieceLength: Int? = nil) {
        self.primary = primary
        book = PeerBook(limits: pieceLength.map { .init(pieceLength: $0) } ?? .init())
    }

    /// The addresses to dial now, as ``PeerBook/dial(connections:dialled:most:now:)`` chooses them.
    /// - Parameter isUnhurried: that of a host that needs nothing any more. Whoever needs something from it dials it, unless it is
    ///   behind a firewall, so it dials one address after another. Hosts that finish together would else dial all others at once,
    ///   only to hear that these have everything too.
    mutating func dial(connections: Int, dialled: Int, isUnhurried: Bool, now: Double) -> [PeerAddress] {
        guard isUnhurried else { return book.dial(connections: connections, dialled: dialled, now: now) }
        guard now >= nextUnhurried else { return [] }
        let chosen = book.dial(connections: connections, dialled: dialled, most: 1, now: now)
        if !chosen.isEmpty { nextUnhurried = now + Self.unhurriedPause }
        return chosen
    }

    /// A tracker named these addresses in the swarm of `hash`.
    mutating func found(_ addresses: [PeerAddress], in hash: SHA1Digest) {
        if hash != primary {
            for address in addresses where !book.isConnected(address) { swarmOf[address] = swarmOf[address] ?? hash }
        } else {
            for address in addresses { swarmOf[address] = nil }
        }
        book.learn(addresses, from: .tracker)
    }

    /// A peer could not be dialled.
    mutating func couldNotDial(_ address: PeerAddress) {
        guard !unreached.contains(address) else { return }
        if unreached.count >= Self.mostUnreached { unreached.removeFirst() }
        unreached.append(address)
    }

    /// Addresses that could not be dialled since the last call.
    mutating func takeUnreached() -> [PeerAddress] {
        defer { unreached = [] }
        return unreached
    }

    /// The info hash to name to the peer at this address.
    func infoHash(for address: PeerAddress) -> SHA1Digest { swarmOf[address] ?? primary }
}
