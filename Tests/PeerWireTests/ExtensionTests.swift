import Bencode
import Hashing
import PeerWire
import Testing

@Suite struct ExtensionHandshakeTests {
    static func decode(_ text: String) -> ExtensionHandshake? { decode(Array(text.utf8)) }

    static func decode(_ payload: [UInt8]) -> ExtensionHandshake? {
        guard case .extended(.handshake(let handshake)) = Connection.read(extendedFrame(0, payload)).messages.first
        else { return nil }
        return handshake
    }

    @Test func `Ours is a dictionary with sorted keys and our own key`() {
        var handshake = ExtensionHandshake()
        handshake.ids = .own(isPrivate: false)
        handshake.client = "Swoop 0.1"
        handshake.port = 6881
        handshake.requestDepth = 500
        handshake.metadataSize = 31235
        handshake.observedAddress = [65, 66, 67, 68]
        handshake.isUploadOnly = true
        handshake.longestRequest = 131_072
        handshake.uplink = 1_250_000
        handshake.site = "harbour"
        let payload =
            "d1:md11:lt_donthavei4e11:swoop_claimi6e10:swoop_turni5e11:upload_onlyi3e11:ut_metadatai2e6:ut_pexi1ee13:metadata_sizei31235e1:pi6881e"
            + "4:reqqi500e5:swoopi131072e10:swoop_site7:harbour8:swoop_upi1250000e11:upload_onlyi1e1:v9:Swoop 0.16:yourip4:ABCDe"
        #expect(Message.extended(.handshake(handshake)).encoded == extendedFrame(0, payload.utf8))
        #expect(Self.decode(payload) == handshake)
    }

    @Test func `A private torrent offers no peer exchange`() {
        #expect(ExtensionIDs.own(isPrivate: true)[.peerExchange] == nil)
        #expect(ExtensionIDs.own(isPrivate: true)[.metadata] == 2)
    }

    @Test func `The example of BEP 10 is understood`() {
        let handshake = Self.decode("d1:md11:LT_metadatai1e6:ut_pexi2ee1:pi6881e1:v13:\u{b5}Torrent 1.2e")
        #expect(handshake?.ids[.peerExchange] == 2)
        #expect(handshake?.ids[.metadata] == nil)
        #expect(handshake?.port == 6881)
        #expect(handshake?.client == "\u{b5}Torrent 1.2")
    }

    @Test(arguments: [
        ("i0e", 1), ("i-1e", 1), ("i-9223372036854775808e", 1), ("i1e", 1), ("i250e", 250), ("i4096e", 4096),
        ("i4097e", 4096), ("i2147483648e", 4096), ("i9223372036854775807e", 4096),
    ])
    func `reqq is clamped to what we work with`(text: String, depth: Int) {
        let handshake = Self.decode("d4:reqq\(text)e")
        #expect(handshake?.requestDepth == depth)
        var peer = PeerCapabilities()
        handshake.map { peer.apply($0) }
        #expect(peer.requestDepth == depth)
    }

    @Test(arguments: ["de", "d4:reqq3:250e", "d4:reqqlee"])
    func `A missing reqq is the usual one`(text: String) throws {
        let handshake = try #require(Self.decode(text))
        #expect(handshake.requestDepth == nil)
        var peer = PeerCapabilities()
        peer.apply(handshake)
        #expect(peer.requestDepth == 250)
    }

    @Test(arguments: [("i-1e", nil), ("i0e", nil), ("i1e", 1), ("i67108864e", 67_108_864), ("i67108865e", nil)])
    func `A metadata size that cannot be is left out`(text: String, size: Int?) {
        #expect(Self.decode("d13:metadata_size\(text)e")?.metadataSize == size)
    }

    @Test(arguments: [
        ("i0e", nil), ("i-5e", nil), ("i16383e", nil), ("i16384e", 16384), ("i20000e", 16384), ("i131072e", 131_072),
        ("i9223372036854775807e", 131_072),
    ])
    func `The longest request of another Swoop is a usable one`(text: String, length: Int?) {
        #expect(Self.decode("d5:swoop\(text)e")?.longestRequest == length)
    }

    @Test(arguments: [
        ("i0e", nil), ("i-5e", nil), ("i1e", 1), ("i1000000000000e", 1_000_000_000_000), ("i1000000000001e", nil),
        ("1:9", nil),
    ])
    func `The uplink that another Swoop tells is one that can be`(text: String, uplink: Int?) {
        #expect(Self.decode("d8:swoop_up\(text)e")?.uplink == uplink)
    }

    @Test(arguments: [("0:", nil), ("1:a", "a"), ("5:Z\u{fc}ri", "Z\u{fc}ri"), ("i5e", nil), ("le", nil)])
    func `The name of a site is what another Swoop says`(text: String, site: String?) {
        #expect(Self.decode("d10:swoop_site\(text)e")?.site == site)
    }

    @Test func `The name of a site is short and text, and does not change while connected`() throws {
        for (count, fits) in [(64, true), (65, false), (4000, false)] {
            let name = String(repeating: "x", count: count)
            #expect(Self.decode("d10:swoop_site\(count):\(name)e")?.site == (fits ? name : nil))
        }
        #expect(Self.decode(Array("d10:swoop_site2:".utf8) + [0xff, 0xfe] + Array("e".utf8))?.site == nil)
        var peer = PeerCapabilities()
        peer.apply(try #require(Self.decode("d10:swoop_site5:northe")))
        peer.apply(try #require(Self.decode("d10:swoop_site5:southe")))
        #expect(peer.site == "north")
    }

    @Test func `How to open further connections is told and understood`() throws {
        var handshake = ExtensionHandshake()
        handshake.furtherConnections = FurtherConnectionOffer(
            id: try #require(PeerID(bytes: Array("abcdefghijklmnopqrst".utf8))), most: 32)
        let payload = "d1:mde11:swoop_linesd2:id20:abcdefghijklmnopqrst4:mosti32eee"
        #expect(Message.extended(.handshake(handshake)).encoded == extendedFrame(0, payload.utf8))
        #expect(Self.decode(payload) == handshake)
    }

    @Test(arguments: [
        ("d2:id20:abcdefghijklmnopqrst4:mosti2ee", 2), ("d2:id20:abcdefghijklmnopqrst4:mosti9223372036854775807ee", 64),
        ("d2:id20:abcdefghijklmnopqrst4:mosti1ee", nil),
        ("d2:id20:abcdefghijklmnopqrst4:mosti-9223372036854775808ee", nil),
        ("d2:id19:abcdefghijklmnopqrs4:mosti8ee", nil), ("d2:id0:4:mosti8ee", nil), ("d2:idi7e4:mosti8ee", nil),
        ("d2:id20:abcdefghijklmnopqrste", nil), ("d4:mosti8ee", nil), ("i8e", nil), ("de", nil), ("le", nil),
        ("5:lines", nil),
        ("d2:id20:abcdefghijklmnopqrst4:most1:8e", nil),
    ])
    func `Further connections that cannot be are left out`(text: String, most: Int?) throws {
        #expect(try #require(Self.decode("d11:swoop_lines\(text)e")).furtherConnections?.most == most)
    }

    @Test func `What opens further connections does not change while connected`() throws {
        var peer = PeerCapabilities()
        peer.apply(try #require(Self.decode("d11:swoop_linesd2:id20:abcdefghijklmnopqrst4:mosti4eee")))
        let first = peer.furtherConnections
        peer.apply(try #require(Self.decode("d11:swoop_linesd2:id20:ABCDEFGHIJKLMNOPQRST4:mosti9eee")))
        #expect(first?.most == 4)
        #expect(peer.furtherConnections == first)
    }

    @Test func `Values of wrong types and out of range are left out, not refused`() throws {
        let handshake = try #require(
            Self.decode("d4:ipv43:abc4:ipv64:abcd1:mle1:pi70000e11:upload_only1:x1:vi5e6:yourip5:abcdee"))
        #expect(handshake == ExtensionHandshake())
        #expect(Self.decode("d1:md6:ut_pexi256e11:ut_metadatai-1eee")?.ids == ExtensionIDs())
        #expect(Self.decode("d1:pi0ee")?.port == nil)
    }

    @Test(arguments: ["", "i1e", "le", "d", "d1:m", "dd", "d1:mi1e1:mi2ee", "d4:reqqi99999999999999999999ee"])
    func `Broken bencoding is refused`(text: String) {
        #expect(Connection.read(extendedFrame(0, text.utf8)).violation == .malformedExtension(nil))
    }

    @Test func `A nesting bomb is refused`() {
        let bomb = [UInt8](repeating: UInt8(ascii: "l"), count: 30000)
        #expect(Connection.read(extendedFrame(0, bomb)).violation == .malformedExtension(nil))
    }

    @Test func `A client's name is cut, and cannot move the cursor or turn the line around`() {
        let name = "ev\u{1b}[2Jil\u{202e}\u{200b}" + String(repeating: "x", count: 100)
        let client = Self.decode("d1:v\(name.utf8.count):\(name)e")?.client
        #expect(client?.hasPrefix("ev?[2Jil??xxx") == true)
        #expect(client?.unicodeScalars.count == 64)
    }

    @Test func `A later handshake changes what it names and nothing else`() throws {
        var peer = PeerCapabilities()
        peer.apply(try #require(Self.decode("d1:md11:ut_metadatai3e6:ut_pexi1ee4:reqqi500e5:swoopi65536e1:v1:Xe")))
        peer.apply(try #require(Self.decode("d1:md6:ut_pexi0ee11:upload_onlyi1ee")))
        #expect(peer.ids[.peerExchange] == nil)
        #expect(peer.ids[.metadata] == 3)
        #expect(peer.requestDepth == 500)
        #expect(peer.longestRequest == 65536)
        #expect(peer.client == "X")
        #expect(peer.isUploadOnly)
    }

    @Test func `Extended messages go out under the peer's ids, or not at all`() {
        var ids = ExtensionIDs()
        ids.name(.dontHave, as: 77)
        var buffer: [UInt8] = [0xaa]
        #expect(Message.extended(.dontHave(5)).encode(into: &buffer, ids: ids))
        #expect(buffer == [0xaa, 0, 0, 0, 6, 20, 77, 0, 0, 0, 5])
        #expect(!Message.extended(.uploadOnly(true)).encode(into: &buffer, ids: ids))
        #expect(buffer.count == 11)
    }
}

@Suite struct MetadataMessageTests {
    static func read(_ payload: String, _ data: [UInt8] = []) -> Received {
        Connection.read(extendedFrame(2, Array(payload.utf8) + data), content: nil)
    }

    @Test func `The examples of BEP 9 are read and written`() {
        for (text, message) in [
            ("d8:msg_typei0e5:piecei0ee", MetadataMessage.request(piece: 0)),
            ("d8:msg_typei2e5:piecei0ee", .reject(piece: 0)),
        ] {
            #expect(Self.read(text).messages == [.extended(.metadata(message))])
            #expect(Message.extended(.metadata(message)).encoded == extendedFrame(2, text.utf8))
        }
        let data = [UInt8](repeating: 0x78, count: 3425)
        let message = MetadataMessage.data(piece: 0, totalSize: 3425, bytes: data)
        let text = "d8:msg_typei1e5:piecei0e10:total_sizei3425ee"
        #expect(Self.read(text, data).messages == [.extended(.metadata(message))])
        #expect(Message.extended(.metadata(message)).encoded == extendedFrame(2, Array(text.utf8) + data))
    }

    @Test func `Data must be as long as its piece`() {
        let total = 16384 + 100
        func violation(piece: Int, count: Int) -> ProtocolViolation? {
            let text = "d8:msg_typei1e5:piecei\(piece)e10:total_sizei\(total)ee"
            return Self.read(text, [UInt8](repeating: 1, count: count)).violation
        }
        #expect(violation(piece: 0, count: 16384) == nil)
        #expect(violation(piece: 1, count: 100) == nil)
        for (piece, count) in [(0, 16383), (0, 16385), (0, 0), (1, 99), (1, 101), (2, 0), (2, 1)] {
            #expect(violation(piece: piece, count: count) == .malformedExtension(.metadata))
        }
    }

    @Test(arguments: [
        "d8:msg_typei0ee", "d5:piecei0ee", "d8:msg_typei0e5:piecei-1ee", "d8:msg_typei0e5:piecei4096ee",
        "d8:msg_typei0e5:piecei9223372036854775807ee", "d8:msg_typei1e5:piecei0eex",
        "d8:msg_typei1e5:piecei0e10:total_sizei0eex", "d8:msg_typei1e5:piecei0e10:total_sizei-1eex",
        "d8:msg_typei1e5:piecei0e10:total_sizei67108865eex", "le", "x", "d",
    ])
    func `A message that makes no sense is refused`(text: String) {
        #expect(Self.read(text).violation == .malformedExtension(.metadata))
    }

    @Test func `A type of message from the future is ignored`() {
        let received = Self.read("d8:msg_typei3e5:piecei0ee")
        #expect(received.violation == nil)
        #expect(received.messages.isEmpty)
        #expect(received.unread == 0)
    }

    @Test func `A header that is too long is refused`() {
        let text = "d8:msg_typei0e7:padding2000:" + String(repeating: "x", count: 2000) + "5:piecei0ee"
        #expect(Self.read(text).violation == .malformedExtension(.metadata))
    }

    @Test(arguments: [(0, 0), (1, 1), (16384, 1), (16385, 2), (64 << 20, 4096)])
    func `Metadata has so many pieces`(size: Int, count: Int) {
        #expect(MetadataMessage.pieceCount(size: size) == count)
        let lengths = (0..<count).map { MetadataMessage.length(ofPiece: $0, size: size) }
        #expect(lengths.reduce(0, +) == size)
        #expect(MetadataMessage.length(ofPiece: count, size: size) == 0)
        #expect(MetadataMessage.length(ofPiece: -1, size: size) == 0)
    }
}

@Suite struct SmallExtensionTests {
    @Test func `Don't-have is checked like have`() {
        #expect(Connection.read(extendedFrame(4, number(19))).messages == [.extended(.dontHave(19))])
        #expect(
            Connection.read(extendedFrame(4, number(20))).violation == .pieceOutOfRange(message: .extended, index: 20))
        #expect(Connection.read(extendedFrame(4, [0, 0, 1])).violation == .malformedExtension(.dontHave))
    }

    @Test func `Upload-only is one byte`() {
        #expect(Connection.read(extendedFrame(3, [1])).messages == [.extended(.uploadOnly(true))])
        #expect(Connection.read(extendedFrame(3, [0])).messages == [.extended(.uploadOnly(false))])
        #expect(Connection.read(extendedFrame(3, [])).violation == .malformedExtension(.uploadOnly))
    }
}

@Suite struct ClaimMessageTests {
    private let claim = Message.extended(.claim(piece: 19, number: 0x0102_0304))
    private let bytes: [UInt8] = [0, 0, 0, 10, 20, 6, 0, 0, 0, 19, 1, 2, 3, 4]

    @Test func `A claim has its bytes`() {
        #expect(claim.encoded == bytes)
        for step in [1, .max] { #expect(Connection.read(bytes, step: step).messages == [claim]) }
        #expect(
            Connection.read(extendedFrame(6, number(0) + number(.max))).messages
                == [.extended(.claim(piece: 0, number: .max))])
    }

    @Test(arguments: [0, 1, 4, 7, 9, 16])
    func `Nothing else is a claim`(count: Int) {
        let frame = extendedFrame(6, [UInt8](repeating: 0, count: count))
        #expect(Connection.read(frame).violation != nil)
        #expect(Connection.read(frame).messages.isEmpty)
        #expect(Connection.read(frame, content: nil).violation != nil)
    }

    @Test func `What is too long is refused before it is there`() {
        #expect(Connection.read(number(1 << 20) + [20, 6, 0]).violation != nil)
    }

    @Test(arguments: [20, UInt32.max])
    func `The piece of a claim is checked like that of have`(piece: UInt32) {
        let frame = extendedFrame(6, number(piece) + number(1))
        #expect(Connection.read(frame).violation == .pieceOutOfRange(message: .extended, index: piece))
    }

    @Test func `Who did not name the extension hears no claims, in a private torrent neither`() {
        var buffer: [UInt8] = []
        #expect(!claim.encode(into: &buffer, ids: ExtensionIDs()))
        #expect(buffer.isEmpty)
        #expect(ExtensionIDs.own(isPrivate: true)[.claim] == 6)
    }
}

@Suite struct TurnMessageTests {
    static let golden: [(ExtendedMessage, [UInt8])] = [
        (.grant(3), [0, 0, 0, 6, 20, 5, 0, 0, 0, 3]),
        (.grant(19), [0, 0, 0, 6, 20, 5, 0, 0, 0, 19]),
        (.grant(nil), [0, 0, 0, 6, 20, 5, 0xff, 0xff, 0xff, 0xff]),
        (.grantOver, [0, 0, 0, 2, 20, 5]),
        (.grants(true), [0, 0, 0, 3, 20, 5, 1]),
        (.grants(false), [0, 0, 0, 3, 20, 5, 0]),
    ]

    @Test(arguments: golden.indices)
    func `Messages of turns have their bytes`(number: Int) {
        let (message, bytes) = Self.golden[number]
        #expect(Message.extended(message).encoded == bytes)
        for step in [1, .max] { #expect(Connection.read(bytes, step: step).messages == [.extended(message)]) }
    }

    @Test(arguments: [2, 3, 5, 6])
    func `Nothing else is a message of turns`(count: Int) {
        for byte: UInt8 in [0, 0xff] {
            let frame = extendedFrame(5, [UInt8](repeating: byte, count: count))
            #expect(Connection.read(frame).violation != nil)
            #expect(Connection.read(frame).messages.isEmpty)
            #expect(Connection.read(frame, content: nil).violation != nil)
        }
    }

    @Test func `What is too long is refused before it is there`() {
        #expect(Connection.read(number(1 << 20) + [20, 5, 0]).violation != nil)
    }

    @Test func `The piece of a turn is checked like that of have`() {
        #expect(
            Connection.read(extendedFrame(5, number(20))).violation == .pieceOutOfRange(message: .extended, index: 20))
        #expect(
            Connection.read(extendedFrame(5, number(.max - 1))).violation
                == .pieceOutOfRange(message: .extended, index: .max - 1))
        #expect(Connection.read(extendedFrame(5, number(20)), content: nil).messages == [.extended(.grant(20))])
        #expect(Connection.read(extendedFrame(5, number(.max)), content: nil).messages == [.extended(.grant(nil))])
    }

    @Test func `Any byte but 0 means that turns are given`() {
        #expect(Connection.read(extendedFrame(5, [7])).messages == [.extended(.grants(true))])
    }

    @Test(arguments: golden.indices)
    func `Who did not name the extension hears nothing of turns`(number: Int) {
        let message = Message.extended(Self.golden[number].0)
        var ids = ExtensionIDs()
        ids.name(.dontHave, as: 5)
        var buffer: [UInt8] = [0xaa]
        #expect(!message.encode(into: &buffer, ids: ids))
        #expect(buffer == [0xaa])
        ids.name(.grant, as: 99)
        #expect(message.encode(into: &buffer, ids: ids))
        #expect(Array(buffer.dropFirst(5).prefix(2)) == [20, 99])
        ids.name(.grant, as: 0)
        buffer = []
        #expect(!message.encode(into: &buffer, ids: ids))
    }

    @Test func `A private torrent has turns too`() {
        #expect(ExtensionIDs.own(isPrivate: true)[.grant] == 5)
    }
}

@Suite struct LacksMessageTests {
    private let lacks = Message.extended(.lacks(19))
    private let bytes: [UInt8] = [0, 0, 0, 6, 20, 7, 0, 0, 0, 19]

    @Test func `What an agent lacks has its bytes, and is told to origins alone`() {
        var buffer: [UInt8] = []
        #expect(lacks.encode(into: &buffer, ids: .own(isPrivate: false, isOrigin: true)))
        #expect(buffer == bytes)
        for step in [1, .max] { #expect(Connection.read(bytes, step: step).messages == [lacks]) }
        buffer = []
        #expect(!lacks.encode(into: &buffer, ids: .own(isPrivate: false)))
        #expect(buffer.isEmpty)
    }

    @Test(arguments: [0, 1, 3, 5, 8])
    func `Nothing else is a piece that an agent lacks`(count: Int) {
        let frame = extendedFrame(7, [UInt8](repeating: 0, count: count))
        #expect(Connection.read(frame).violation != nil)
        #expect(Connection.read(frame).messages.isEmpty)
    }

    @Test(arguments: [20, UInt32.max])
    func `The piece that an agent lacks is checked like that of have`(piece: UInt32) {
        #expect(
            Connection.read(extendedFrame(7, number(piece))).violation
                == .pieceOutOfRange(message: .extended, index: piece))
    }
}
