import Testing

@testable import PeerWire

@Suite struct BitfieldTests {
    @Test func `The high bit of the first byte is piece 0`() {
        var field = Bitfield(pieceCount: 12)
        field[0] = true
        field[9] = true
        #expect(field.bytes == [0x80, 0x40])
        field[0] = false
        #expect(field.bytes == [0, 0x40])
        #expect(field[9])
        #expect(field.count == 1)
    }

    @Test(arguments: [0, 1, 7, 8, 9, 20, 64])
    func `A full one has no spare bits`(count: Int) throws {
        let full = Bitfield.full(pieceCount: count)
        #expect(full.count == count)
        #expect(full.isComplete)
        #expect(try Bitfield(wire: full.bytes, pieceCount: count) == full)
    }

    @Test func `Out of range there is nothing`() {
        var field = Bitfield(pieceCount: 3)
        field[3] = true
        field[-1] = true
        #expect(field.bytes == [0])
        #expect(!field[3])
        #expect(!field[-1])
        #expect(Bitfield(pieceCount: -5).bytes.isEmpty)
    }

    @Test func `A size below zero is refused`() {
        #expect(throws: ProtocolViolation.self) { try Bitfield(wire: [], pieceCount: -1) }
    }
}
