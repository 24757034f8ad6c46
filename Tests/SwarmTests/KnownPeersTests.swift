import Address
import Hashing
import Testing

@testable import Swarm

@Suite struct KnownPeersTests {
    private func peers(_ count: Int) -> KnownPeers {
        let hash = SHA1Digest(bytes: [UInt8](repeating: 1, count: 20))!
        var known = KnownPeers(primary: hash)
        known.found((1...count).map { PeerAddress(ipv4: 0x0a00_0000 + UInt32($0), port: 6881) }, in: hash)
        return known
    }

    @Test func `a host that needs something dials all at once, one that has finished one after another`() {
        var known = peers(30)
        #expect(known.dial(connections: 0, dialled: 0, isUnhurried: false, now: 0).count == 30)
        known = peers(30)
        var dialled: [PeerAddress] = []
        for tick in 0..<100 {
            let now = Double(tick) / 10
            let chosen = known.dial(connections: 0, dialled: 0, isUnhurried: true, now: now)
            #expect(chosen.count <= 1)
            for address in chosen { known.book.connected(address) }
            dialled += chosen
        }
        #expect(dialled.count == 20, "two a second")
        #expect(Set(dialled).count == dialled.count)
    }

    @Test func `what is found to be missing is fetched in a hurry again`() {
        var known = peers(30)
        #expect(known.dial(connections: 0, dialled: 0, isUnhurried: true, now: 0).count == 1)
        #expect(known.dial(connections: 0, dialled: 0, isUnhurried: true, now: 0.1).isEmpty)
        #expect(known.dial(connections: 0, dialled: 0, isUnhurried: false, now: 0.1).count == 29)
    }
}
