import Testing
import Text

@testable import PeerWire

@Suite struct PeerEndpointTests {
    @Test(arguments: [
        ([UInt8]([1, 2, 3, 4]), "1.2.3.4:80"),
        ([0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], "[2001:db8::1]:80"),
        ([UInt8](repeating: 0, count: 16), "[::]:80"),
        ([UInt8](repeating: 0, count: 15) + [1], "[::1]:80"),
        ([0xfe, 0x80] + [UInt8](repeating: 0, count: 14), "[fe80::]:80"),
        ([0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1], "[1:0:0:1::1]:80"),
        ([0, 1, 0, 0, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1], "[1:0:1:1:1:1:1:1]:80"),
        ([UInt8](repeating: 0, count: 10) + [0xff, 0xff, 1, 2, 3, 4], "1.2.3.4:80"),
    ])
    func `Addresses are shown as RFC 5952 says`(bytes: [UInt8], text: String) {
        #expect(PeerEndpoint(address: bytes, port: 80)?.description == text)
    }

    @Test func `An IPv4 address is one endpoint, however the socket wrote it`() {
        let mapped = [UInt8](repeating: 0, count: 10) + [0xff, 0xff, 1, 2, 3, 4]
        #expect(PeerEndpoint(address: mapped, port: 80) == PeerEndpoint(address: [1, 2, 3, 4], port: 80))
    }

    @Test func `Other lengths are no addresses`() {
        for count in [0, 3, 5, 15, 17] {
            #expect(PeerEndpoint(address: [UInt8](repeating: 1, count: count), port: 80) == nil)
            #expect(PeerEndpoint(compact: [UInt8](repeating: 1, count: count)[...]) == nil)
        }
    }

    @Test func `The compact form is address and port`() throws {
        let compact: [UInt8] = [1, 2, 3, 4, 0x1a, 0xe1]
        let endpoint = try #require(PeerEndpoint(compact: compact[...]))
        #expect(endpoint.port == 6881)
        #expect(endpoint.compact == compact)
        let six = Array(1...18).map { UInt8($0) }
        #expect(PeerEndpoint(compact: six[...])?.compact == six)
    }
}

@Suite struct PeerPriorityTests {
    static func priority(_ own: [UInt8], _ peer: [UInt8], ports: (UInt16, UInt16) = (1, 2)) -> UInt32? {
        PeerPriority.canonical(own: own, ownPort: ports.0, peer: peer, peerPort: ports.1)
    }

    @Test func `The examples of BEP 40 come out`() {
        #expect(Self.priority([123, 213, 32, 10], [98, 76, 54, 32]) == 0xec2d_7224)
        #expect(Self.priority([123, 213, 32, 10], [123, 213, 32, 234]) == 0x9956_8189)
    }

    @Test func `CRC-32C gives its check value`() {
        #expect(PeerPriority.crc32c(Array("123456789".utf8)) == 0xe306_9283)
    }

    @Test(arguments: 0..<50)
    func `Both ends compute the same`(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let count = seed % 2 == 0 ? 4 : 16
        let own = (0..<count).map { _ in UInt8.random(in: 0...3, using: &generator) }
        let peer = (0..<count).map { _ in UInt8.random(in: 0...3, using: &generator) }
        let number = Self.priority(own, peer, ports: (6881, 80))
        #expect(number != nil)
        #expect(number == Self.priority(peer, own, ports: (80, 6881)))
    }

    @Test func `In one /16 the third byte counts whole, in two it is masked`() {
        #expect(Self.priority([10, 1, 0, 1], [10, 2, 0, 1]) == Self.priority([10, 1, 2, 1], [10, 2, 8, 1]))
        #expect(Self.priority([10, 1, 0, 1], [10, 1, 2, 1]) != Self.priority([10, 1, 0, 1], [10, 1, 8, 1]))
    }

    @Test func `In one /48 the seventh byte counts whole, in two it is masked`() {
        func address(_ sixth: UInt8, _ seventh: UInt8) -> [UInt8] {
            [0x20, 1, 0xd, 0xb8, 0, sixth, seventh] + [UInt8](repeating: 0, count: 9)
        }
        #expect(Self.priority(address(1, 0), address(2, 0)) == Self.priority(address(1, 2), address(2, 8)))
        #expect(Self.priority(address(1, 0), address(1, 2)) != Self.priority(address(1, 0), address(1, 8)))
    }

    @Test func `Behind one address the ports decide`() {
        let address: [UInt8] = [10, 0, 0, 1]
        let number = Self.priority(address, address, ports: (1000, 2000))
        #expect(number == PeerPriority.crc32c([0x03, 0xe8, 0x07, 0xd0]))
        #expect(number != Self.priority(address, address, ports: (1000, 2001)))
    }

    @Test func `Two families have no order`() {
        #expect(Self.priority([1, 2, 3, 4], [UInt8](repeating: 1, count: 16)) == nil)
        #expect(Self.priority([1, 2, 3], [1, 2, 3]) == nil)
    }
}

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
