import Address
import SwarmCore

/// A torrent that dials peers: its engine, and before that the download of its metadata.
protocol Dialler: ConnectionOwner {
    var context: EngineContext { get }
    var known: KnownPeers { get set }
    /// A connection is about to start.
    func opens(_ connection: PeerConnection)
}

extension Dialler {
    /// Starts connections to the peers that are to be dialled now.
    /// - Parameters:
    ///   - connections: number of open connections.
    ///   - dialled: how many of them this host opened.
    ///   - isUnhurried: dial one after another.
    func dial(connections: Int, dialled: Int, isUnhurried: Bool = false) {
        let now = context.loop.now
        for address in known.dial(connections: connections, dialled: dialled, isUnhurried: isUnhurried, now: now) {
            do {
                let connection = try context.dial(address, infoHash: known.infoHash(for: address), owner: self)
                opens(connection)
                connection.start()
            } catch {
                switch error {
                case .noRoom: known.book.postponed(address, now: now)
                case .unreachable: known.book.failed(address, now: now)
                }
            }
        }
    }
}
