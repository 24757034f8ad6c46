import BlobNode
import Hashing
import Testing

@Suite struct `The record of uses` {
    @Test func `comes back as it was written, without lines that are none`() {
        let uses = (0..<50).map { (digest: SHA256.digest([UInt8($0)]), usedAt: Double($0 * 1_000)) }
        let bytes = UseRecord.encode(uses)
        #expect(UseRecord.parse(bytes) == Dictionary(uniqueKeysWithValues: uses.map { ($0.digest, $0.usedAt) }))
        let hostile = Array("\n x\nabc 1\n\(uses[1].digest.hex) -5\n\(uses[2].digest.hex) 99999999999999999999\n".utf8)
        #expect(UseRecord.parse(hostile + [0xff, 0x00] + bytes.dropFirst(10)).count == 49)
        #expect(UseRecord.encode([(uses[0].digest, .infinity)]).count > 0)
    }
}
