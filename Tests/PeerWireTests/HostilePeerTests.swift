import Hashing
import PeerWire
import Testing

/// Section 2 of the list of hostile input, as far as the wire alone can tell.
@Suite struct HostilePeerTests {
    // MARK: Lengths

    @Test(arguments: [
        (MessageKind.choke, 2), (.unchoke, 100), (.interested, 1 << 20), (.notInterested, 2), (.have, 4), (.have, 6),
        (.request, 12), (.request, 14), (.cancel, 1), (.reject, 1 << 19), (.port, 1), (.suggest, 1), (.haveAll, 2),
        (.haveNone, 5), (.allowedFast, 9), (.hashRequest, 48), (.hashReject, 50), (.bitfield, 3), (.bitfield, 5),
        (.piece, 9), (.piece, 1), (.extended, 1), (.hashes, 49), (.hashes, 50 + 32),
    ])
    func `A wrong length is refused by its first five bytes`(kind: MessageKind, length: Int) {
        let received = Connection.read(number(UInt32(length)) + [kind.rawValue])
        #expect(received.violation == .wrongLength(message: kind, length: length))
    }

    @Test func `A length prefix over every limit is refused by itself, before anything is waited for`() {
        for length: UInt32 in [.max, 1 << 31, 1 << 24, UInt32(WireLimits.default.longestMessage + 1)] {
            let received = Connection.read(number(length))
            guard case .tooLong(nil, Int(length), _) = received.violation else {
                Issue.record("\(length) bytes were accepted: \(received)")
                continue
            }
            #expect(received.mostWanted <= 4)
        }
    }

    @Test func `Piece data over the longest block is refused`() {
        let longest = WireLimits.default.longestBlock
        let bounds = ContentBounds(pieceCount: 1, pieceLength: 1 << 24, lastPieceLength: 1 << 24)
        let start = [7] + number(0) + number(0)
        #expect(
            Connection.read(number(UInt32(longest + 10)) + start, content: bounds).violation
                == .tooLong(message: .piece, length: longest + 10, limit: longest + 9))
        #expect(Connection.read(number(UInt32(longest + 9)) + start, content: bounds).pieces.count == 1)
    }

    @Test(arguments: [(UInt8(0), 64 << 10), (1, 32 << 10), (2, 17 << 10), (3, 1), (4, 4)])
    func `Each extended message has a limit of its own, judged before it is waited for`(id: UInt8, limit: Int) {
        let over = Connection.read(number(UInt32(limit + 3)) + [20, id])
        #expect(over.violation == .tooLong(message: .extended, length: limit + 3, limit: limit + 2))
        let within = Connection.read(number(UInt32(limit + 2)) + [20, id])
        #expect(within.violation == nil)
    }

    @Test func `An unknown message over the bound is refused`() {
        let bound = WireLimits.default.longestUnknown
        #expect(
            Connection.read(number(UInt32(bound + 2)) + [99]).violation
                == .tooLong(message: nil, length: bound + 2, limit: bound + 1))
        #expect(Connection.read(number(UInt32(bound + 2)) + [20, 99]).violation == nil)
        guard case .tooLong = Connection.read(number(UInt32(bound + 3)) + [20, 99]).violation else {
            Issue.record("an extended message of an unknown id has no bound")
            return
        }
    }

    @Test func `Before the metadata is known a bitfield is capped, after it is it must fit`() {
        let most = WireLimits.default.mostPieces / 8
        #expect(Connection.read(number(UInt32(most + 1)) + [5], content: nil).mostWanted == most + 5)
        #expect(
            Connection.read(number(UInt32(most + 2)) + [5], content: nil).violation
                == .tooLong(message: .bitfield, length: most + 2, limit: most + 1))
        #expect(
            Connection.read(frame(5, [0xff, 0xff])).violation == .wrongLength(message: .bitfield, length: 3))
    }

    // MARK: Bitfields

    @Test func `A bitfield with spare bits set is refused`() {
        for spare: UInt8 in [0xf1, 0xf8, 0x01] {
            #expect(Connection.read(frame(5, [0xff, 0xff, spare])).violation == .spareBits)
        }
    }

    @Test func `A bitfield after an extension handshake, a choke or interest is in time`() {
        let early = extendedFrame(0, "de".utf8) + frame(0) + frame(2) + frame(9, [1, 2]) + [0, 0, 0, 0]
        #expect(Connection.read(early + frame(5, [0, 0, 0])).messages.last == .bitfield([0, 0, 0]))
    }

    @Test func `A bitfield from before the metadata is checked when it is known`() throws {
        let received = Connection.read(frame(5, [0xff, 0xff, 0xff]), content: nil)
        guard case .bitfield(let payload) = received.messages.first else {
            Issue.record("the bitfield is passed on")
            return
        }
        func check(pieces: Int) throws {
            try ContentBounds(pieceCount: pieces, pieceLength: 1 << 15, lastPieceLength: 100).check(bitfield: payload)
        }
        #expect(throws: ProtocolViolation.spareBits) { try check(pieces: 20) }
        #expect(throws: ProtocolViolation.wrongLength(message: .bitfield, length: 4)) { try check(pieces: 25) }
        try check(pieces: 24)
    }

    // MARK: Pieces and blocks

    @Test(arguments: [MessageKind.have, .suggest, .allowedFast])
    func `A piece index out of range is refused`(kind: MessageKind) {
        for index: UInt32 in [20, 1 << 31, .max] {
            #expect(
                Connection.read(frame(kind.rawValue, number(index))).violation
                    == .pieceOutOfRange(message: kind, index: index))
        }
        let most = UInt32(WireLimits.default.mostPieces)
        #expect(Connection.read(frame(kind.rawValue, number(most - 1)), content: nil).violation == nil)
        #expect(
            Connection.read(frame(kind.rawValue, number(most)), content: nil).violation
                == .pieceOutOfRange(message: kind, index: most))
    }

    @Test(arguments: [MessageKind.request, .cancel, .reject])
    func `A block out of its piece is refused`(kind: MessageKind) {
        func violation(_ block: BlockRequest, _ content: ContentBounds? = .small) -> ProtocolViolation? {
            Connection.read(frame(kind.rawValue, block.wire), content: content).violation
        }
        for wrong in [
            block(0, 0, 0), block(0, 32768, 1), block(0, 32767, 2), block(19, 0, 101), block(19, 100, 1),
            block(0, .max, 1), block(0, .max, 16384), block(0, .max - 16383, 16384),
        ] { #expect(violation(wrong) == .blockOutOfRange(message: kind, wrong)) }
        for right in [block(0, 0, 1), block(0, 32767, 1), block(0, 0, 32768), block(19, 0, 100), block(19, 99, 1)] {
            #expect(violation(right) == nil)
        }
        #expect(violation(block(20, 0, 1)) == .pieceOutOfRange(message: kind, index: 20))
        // Without metadata no number may overflow yet.
        #expect(violation(block(0, .max, 1), nil) == .blockOutOfRange(message: kind, block(0, .max, 1)))
        #expect(violation(block(0, 0, 0), nil) == .blockOutOfRange(message: kind, block(0, 0, 0)))
    }

    @Test func `A request over 128 KiB is refused, one of 128 KiB is not`() {
        let bounds = ContentBounds(pieceCount: 1, pieceLength: 1 << 24, lastPieceLength: 1 << 24)
        for content in [bounds, nil] {
            #expect(
                Connection.read(frame(6, block(0, 0, 131_073).wire), content: content).violation
                    == .blockTooLong(message: .request, length: 131_073, limit: 131_072))
            #expect(Connection.read(frame(6, block(0, 0, 131_072).wire), content: content).violation == nil)
        }
    }

    @Test func `Piece data that leaves its piece is refused before any of it is read`() {
        func violation(_ index: UInt32, _ begin: UInt32, length: UInt32) -> ProtocolViolation? {
            Connection.read(number(9 + length) + [7] + number(index) + number(begin)).violation
        }
        #expect(violation(20, 0, length: 1) == .pieceOutOfRange(message: .piece, index: 20))
        #expect(violation(19, 99, length: 2) == .blockOutOfRange(message: .piece, block(19, 99, 2)))
        #expect(violation(0, .max, length: 1) == .blockOutOfRange(message: .piece, block(0, .max, 1)))
        #expect(violation(0, 32767, length: 1) == nil)
    }

    @Test func `Piece data before the metadata is refused: it cannot have been asked for`() {
        let bytes = number(19) + [7] + number(0) + number(0)
        #expect(Connection.read(bytes, content: nil).violation == .unexpectedPiece)
    }

    @Test func `Content without pieces has room for none`() {
        let empty = ContentBounds(pieceCount: 0, pieceLength: 16384, lastPieceLength: 0)
        #expect(Connection.read(frame(5), content: empty).messages == [.bitfield([])])
        #expect(
            Connection.read(frame(4, number(0)), content: empty).violation == .pieceOutOfRange(message: .have, index: 0)
        )
    }

    // MARK: Extensions that were not offered

    @Test(arguments: MessageKind.allCases.filter(\.needsFastExtension))
    func `A message of the fast extension needs the fast extension`(kind: MessageKind) {
        let length = UInt32(kind.exactLength ?? 0)
        let bytes = number(length) + [kind.rawValue] + [UInt8](repeating: 0, count: Int(length))
        #expect(Connection.read(bytes, fast: false).violation == .fastNotOffered(message: kind))
    }

    // MARK: Hashes

    @Test func `Hashes that contradict their header are refused`() {
        func violation(_ request: HashRequest, count: Int) -> ProtocolViolation? {
            let digests = [SHA256Digest](repeating: .filled(1), count: count)
            return Connection.read(Message.hashes(request, digests).encoded).violation
        }
        let right = HashRequest(piecesRoot: .filled(2), baseLayer: 0, index: 8, length: 4, proofLayers: 3)
        #expect(violation(right, count: 6) == nil)
        #expect(violation(right, count: 5) == .malformedHashes)
        #expect(violation(right, count: 7) == .malformedHashes)
        for change: (inout HashRequest) -> Void in [
            { $0.length = 0 }, { $0.length = 1 }, { $0.length = 3 }, { $0.length = 1024 }, { $0.length = 1 << 31 },
            { $0.index = 2 }, { $0.proofLayers = 65 }, { $0.proofLayers = .max }, { $0.baseLayer = .max },
        ] {
            var wrong = right
            change(&wrong)
            #expect(!wrong.isWellFormed())
            #expect(violation(wrong, count: 6) == .malformedHashes)
        }
    }

    @Test func `The most hashes fit, and one more is refused by its length`() {
        let most = HashRequest(piecesRoot: .filled(2), baseLayer: 0, index: 0, length: 512, proofLayers: 64)
        let digests = [SHA256Digest](repeating: .filled(1), count: most.hashCount)
        #expect(Connection.read(Message.hashes(most, digests).encoded).violation == nil)
        let limit = 49 + 32 * (512 + 64)
        #expect(
            Connection.read(number(UInt32(limit + 32)) + [22]).violation
                == .tooLong(message: .hashes, length: limit + 32, limit: limit))
    }

    @Test func `A hash request out of the rules is passed on, to be rejected`() {
        let odd = HashRequest(piecesRoot: .filled(2), baseLayer: .max, index: 7, length: 0, proofLayers: .max)
        #expect(Connection.read(Message.hashRequest(odd).encoded).messages == [.hashRequest(odd)])
        #expect(!odd.isWellFormed())
        #expect(odd.uncleCount >= 0)
    }

    // MARK: Violations are for logs

    @Test func `A violation says what happened`() {
        let bytes = frame(6, block(3, 32768, 16384).wire)
        #expect(
            Connection.read(bytes).violation?.description
                == "the peer sent a message 'request' for a block outside of its piece: piece 3, bytes 32768 to 49152")
    }
}
