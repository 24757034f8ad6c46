import Hashing
import Reactor
import Testing

@testable import Swarm

@Suite struct `Torrents pinned to loops` {
    private let hashes: [SHA1Digest]

    init() throws {
        hashes = try (0..<8).map { try #require(SHA1Digest(bytes: [UInt8](repeating: $0, count: 20))) }
    }

    @Test func `go where the fewest are, and count as long as somebody holds them`() {
        var pinned = PinnedTorrents(loops: 2)
        let (first, second) = (pinned.hold([hashes[0]]), pinned.hold([hashes[1]]))
        let third = pinned.hold([hashes[2]])
        #expect([first.loop, second.loop, third.loop] == [0, 1, 0])
        #expect(pinned.loads == [2, 1])
        pinned.letGo(first.torrent)
        #expect(pinned.loads == [1, 1])
        let gone = pinned.holdExisting(hashes[0])
        #expect(gone == nil)
        pinned.letGo(first.torrent)
        #expect(pinned.loads == [1, 1])
    }

    @Test func `have one loop, whichever of their hashes is named and whoever holds them`() {
        var pinned = PinnedTorrents(loops: 4)
        let first = pinned.hold([hashes[0]])
        pinned.add([hashes[0], hashes[1]], to: first.torrent)
        let other = pinned.hold([hashes[1], hashes[2]])
        #expect(other == first)
        let again = pinned.holdExisting(hashes[0])
        #expect(again?.torrent == first.torrent)
        #expect(pinned.loads == [1, 0, 0, 0])
        for _ in 0..<2 { pinned.letGo(first.torrent) }
        #expect(pinned.loads == [1, 0, 0, 0])
        pinned.letGo(first.torrent)
        #expect(pinned.loads == [0, 0, 0, 0])
        let gone = pinned.holdExisting(hashes[1])
        #expect(gone == nil)
    }

    @Test func `keep a hash that another has until that one goes`() {
        var pinned = PinnedTorrents(loops: 2)
        let (one, two) = (pinned.hold([hashes[0]]), pinned.hold([hashes[1]]))
        pinned.add([hashes[1]], to: one.torrent)
        let other = pinned.hold([hashes[1]])
        #expect(other == two)
        pinned.letGo(one.torrent)
        let kept = pinned.holdExisting(hashes[1])
        #expect(kept?.torrent == two.torrent)
    }

    @Test func `are found with their transfers, until these stop`() async {
        let loops = [EventLoop(virtualTime: 0), EventLoop(virtualTime: 0)]
        let places = TorrentPlaces(loops: loops)
        var pin: TorrentPin? = places.pin([hashes[0]])
        #expect(pin?.loop === loops[0])
        if let pin {
            places.add(Transfer(loop: pin.loop, pin: pin), pin, hashes: [hashes[0]])
            places.add(places.transfers[0], pin, hashes: [hashes[0], hashes[1]])
        }
        pin = nil
        #expect(places.transfers(of: hashes[1]).count == 1)
        #expect(places.transfers(of: hashes[2]).isEmpty)
        #expect(places.loads == [1, 0])
        #expect(places.existingPin(hashes[1])?.loop === loops[0])
        #expect(places.removeTransfers().count == 1)
        #expect(places.loads == [0, 0])
    }
}
