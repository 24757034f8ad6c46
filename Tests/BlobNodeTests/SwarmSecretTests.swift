import BlobNode
import Blobs
import Hashing
import Metainfo
import Testing

@Suite struct `Swarms of a catalogue that go by a secret` {
    private let catalogue = BlobCatalogue()
    private let secret = SwarmSecret(text: "one")

    private func add(_ number: Int) throws -> BlobInfo {
        var hasher = BlobHasher()
        hasher.update([UInt8(truncatingIfNeeded: number), UInt8(truncatingIfNeeded: number >> 8), 1])
        let info = try hasher.finish().info()
        catalogue.add(info.digest, info, usedAt: 1)
        return info
    }

    @Test func `are found by the hash that it makes, also those that come later, and by the torrent's own`() throws {
        var infos = try (0..<300).map { try add($0) }
        catalogue.setSecret(secret)
        infos += try (300..<600).map { try add($0) }
        for info in infos.prefix(100) { catalogue.remove(info.digest) }
        // One that is put again is there once.
        for info in infos.suffix(50) { catalogue.add(info.digest, info, usedAt: 2) }
        for (number, info) in infos.enumerated() {
            let (hidden, plain) = (
                catalogue.swarm(of: secret.wireHash(of: info.infoHash)), catalogue.swarm(of: info.infoHash)
            )
            #expect(hidden?.digest == (number < 100 ? nil : info.digest))
            #expect(hidden?.secret == (number < 100 ? nil : secret))
            #expect(plain?.digest == (number < 100 ? nil : info.digest) && plain?.secret == nil)
        }
    }

    @Test func `are found by another one alone when it changed`() throws {
        let info = try add(7)
        catalogue.setSecret(secret)
        let other = SwarmSecret(text: "two")
        catalogue.setSecret(other)
        #expect(catalogue.swarm(of: secret.wireHash(of: info.infoHash)) == nil)
        #expect(catalogue.swarm(of: other.wireHash(of: info.infoHash))?.secret == other)
        catalogue.setSecret(nil)
        #expect(catalogue.swarm(of: other.wireHash(of: info.infoHash)) == nil)
        #expect(catalogue.swarm(of: info.infoHash)?.digest == info.digest)
    }
}
