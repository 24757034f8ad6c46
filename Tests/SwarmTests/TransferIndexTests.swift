import Hashing
import Reactor
@testable import Swarm
import Testing

@Suite struct `The transfers of a node` {
    private let loop: EventLoop
    private let one = [UInt8](repeating: 1, count: 20)
    private let two = [UInt8](repeating: 2, count: 20)

    init() throws { loop = try EventLoop(name: "test-index") }

    private func found(_ bytes: [UInt8], in index: TransferIndex) throws -> [ObjectIdentifier] {
        var found: [ObjectIdentifier] = []
        for transfer in index[try #require(SHA1Digest(bytes: bytes))] { found.append(ObjectIdentifier(transfer)) }
        return found
    }

    @Test func `are found by any of their hashes, those of magnet links by what they learn too, each once`() throws {
        defer { loop.shutdown() }
        let hashes = try [one, two].map { try #require(SHA1Digest(bytes: $0)) }
        let (torrent, magnet) = (Transfer(loop: loop), Transfer(loop: loop))
        var index = TransferIndex()
        index.add(torrent, hashes: hashes) { _ in false }
        index.add(magnet, hashes: [hashes[0]]) { _ in false }
        let both = [ObjectIdentifier(torrent), ObjectIdentifier(magnet)]
        #expect(try found(one, in: index) == both)
        #expect(try found(two, in: index) == [both[0]])
        index.add(magnet, hashes: hashes) { _ in false }
        #expect(try found(one, in: index) == both)
        #expect(try found(two, in: index) == both)
        #expect(index.all.count == 2)
        #expect(try found([UInt8](repeating: 3, count: 20), in: index) == [])
    }

    @Test func `that were stopped are let go of in the end`() throws {
        defer { loop.shutdown() }
        var index = TransferIndex()
        let kept = Transfer(loop: loop)
        let hash = try #require(SHA1Digest(bytes: one))
        index.add(kept, hashes: [hash]) { _ in false }
        for _ in 0..<1_000 {
            index.add(Transfer(loop: loop), hashes: [hash]) { $0 !== kept }
            #expect(index.all.count <= 65)
        }
        #expect(try found(one, in: index).first == ObjectIdentifier(kept))
        #expect(try found(one, in: index).count <= 65)
    }
}
