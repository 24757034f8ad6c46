import Metainfo

// Pieces that sources other than peers are to bring.
extension RequestPlanner {
    /// Whether the piece is left to other sources than this peer.
    func isReserved(_ piece: Int, for peer: PeerTable.Place, _ swarm: inout SwarmState) -> Bool {
        reserved?.contains(piece) == true && !swarm.peers[peer].traits.isWebSeed
    }

    /// The pieces of the peer that it may be asked for.
    func offered(by peer: PeerTable.Place, _ swarm: inout SwarmState) -> PieceSet {
        guard let reserved, !swarm.peers[peer].traits.isWebSeed else { return swarm.peers[peer].holdings }
        var offered = swarm.peers[peer].holdings
        offered.subtract(reserved)
        return offered
    }
}
