import PeerWire
import Testing

@Suite struct PeerExchangeTests {
    static func read(_ payload: [UInt8]) -> Received { Connection.read(extendedFrame(1, payload)) }

    static func exchange(_ payload: [UInt8]) -> PeerExchange? {
        guard case .extended(.peerExchange(let exchange)) = read(payload).messages.first else { return nil }
        return exchange
    }

    static func field(_ key: String, _ bytes: [UInt8]) -> [UInt8] {
        Array("\(key.utf8.count):\(key)\(bytes.count):".utf8) + bytes
    }

    static func dictionary(_ fields: [UInt8]...) -> [UInt8] { [0x64] + fields.joined() + [0x65] }

    static func ipv4(_ number: Int, port: UInt16 = 6881) -> [UInt8] {
        [
            10, UInt8(number >> 16 & 255), UInt8(number >> 8 & 255), UInt8(number & 255), UInt8(port >> 8),
            UInt8(port & 255),
        ]
    }

    static func ipv6(_ number: Int) -> [UInt8] {
        [0x20, 0x01, 0x0d, 0xb8] + [UInt8](repeating: 0, count: 10) + [
            UInt8(number >> 8), UInt8(number & 255), 0x1a, 0xe1,
        ]
    }

    @Test func `Peers of both families and their flags are read and written`() throws {
        let payload = Self.dictionary(
            Self.field("added", Self.ipv4(1) + Self.ipv4(2)), Self.field("added.f", [0x10, 0x12]),
            Self.field("added6", Self.ipv6(1)), Self.field("added6.f", [0x01]),
            Self.field("dropped", Self.ipv4(3)), Self.field("dropped6", Self.ipv6(2)))
        let exchange = try #require(Self.exchange(payload))
        #expect(
            exchange.added.map(\.endpoint.description) == ["10.0.0.1:6881", "10.0.0.2:6881", "[2001:db8::1]:6881"])
        #expect(exchange.added.map(\.flags) == [.reachable, [.reachable, .uploadOnly], .prefersEncryption])
        #expect(exchange.dropped.map(\.description) == ["10.0.0.3:6881", "[2001:db8::2]:6881"])
        #expect(Message.extended(.peerExchange(exchange)).encoded == extendedFrame(1, payload))
    }

    @Test func `A million peers do not pass, and of what passes only so many are used`() {
        #expect(
            Connection.read(number(6_000_020) + [20, 1]).violation
                == .tooLong(message: nil, length: 6_000_020, limit: WireLimits.default.longestMessage))
        let crowd = (0..<6000).flatMap { Self.ipv4($0) }
        #expect(Self.exchange(Self.dictionary(Self.field("added", Array(crowd.prefix(6 * 6000))))) == nil)
        let exchange = Self.exchange(Self.dictionary(Self.field("added", Array(crowd.prefix(6 * 5000)))))
        #expect(exchange?.added.count == 100)
        let dropped = Self.exchange(Self.dictionary(Self.field("dropped", Array(crowd.prefix(6 * 5000)))))
        #expect(dropped?.dropped.count == 50)
    }

    @Test func `A crowd of one family leaves half of the room to the other`() {
        let exchange = Self.exchange(
            Self.dictionary(
                Self.field("added", (0..<500).flatMap { Self.ipv4($0) }),
                Self.field("added6", (0..<500).flatMap { Self.ipv6($0) })))
        #expect(exchange?.added.filter { $0.endpoint.family == .ipv6 }.count == 50)
        #expect(exchange?.added.count == 100)
        let few = Self.exchange(
            Self.dictionary(
                Self.field("added", (0..<500).flatMap { Self.ipv4($0) }), Self.field("added6", Self.ipv6(1))))
        #expect(few?.added.filter { $0.endpoint.family == .ipv6 }.count == 1)
        #expect(few?.added.count == 100)
    }

    @Test func `Port 0 and repeated peers are left out`() {
        let exchange = Self.exchange(
            Self.dictionary(Self.field("added", Self.ipv4(1) + Self.ipv4(1) + Self.ipv4(2, port: 0) + Self.ipv4(3))))
        #expect(exchange?.added.map(\.endpoint.description) == ["10.0.0.1:6881", "10.0.0.3:6881"])
    }

    @Test func `Missing flags are no flags`() {
        let exchange = Self.exchange(
            Self.dictionary(Self.field("added", Self.ipv4(1) + Self.ipv4(2)), Self.field("added.f", [0x10])))
        #expect(exchange?.added.map(\.flags) == [.reachable, []])
    }

    @Test(arguments: ["5:added7:1234567", "5:addedi1e", "6:added66:123456", "8:dropped617:12345678901234567", "5:adde"])
    func `Lists cut inside an address are refused`(text: String) {
        #expect(Self.read([0x64] + Array(text.utf8) + [0x65]).violation == .malformedExtension(.peerExchange))
    }

    @Test func `An empty message is nothing new`() {
        #expect(Self.exchange(Array("de".utf8)) == PeerExchange())
    }
}
