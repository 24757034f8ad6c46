import Metainfo
import PeerWire
import SwarmCore

/// A machine that others want something of, and peers that say what the test has them say.
struct GrantingHost {
    static let pieceLength = 262_144
    static let requestLength = 131_072
    /// Grants that a seed gives at a time while nobody is slow.
    static let atOnce = 5

    var machine: SwarmMachine
    var keys: [PeerKey] = []
    var now = 0.0
    /// Who asked for a piece that is to go out.
    var waiting: [PeerKey] = []
    private(set) var said: [(key: PeerKey, message: Message)] = []

    /// - Parameters:
    ///   - missing: the last pieces, which a seed does not have.
    ///   - takers: peers that have nothing, want something and take grants.
    init(
        pieces: Int = 256, seed: Bool = true, missing: Int = 0, takers: Int = 0,
        configure: (inout SwarmConfiguration) -> Void = { _ in }
    ) throws {
        var configuration = SwarmConfiguration()
        configure(&configuration)
        let layout = try testLayout(length: pieces * Self.pieceLength, pieceLength: Self.pieceLength)
        var have = seed ? PieceSet(full: pieces) : PieceSet(size: pieces)
        for piece in (pieces - missing)..<pieces { have.remove(piece) }
        machine = SwarmMachine(
            layout: layout, wanted: PieceSet(full: pieces), have: have,
            configuration: configuration, seed: 1, now: 0)
        for _ in 0..<takers { join() }
    }

    @discardableResult
    mutating func join(supportsGrants: Bool = true, isInterested: Bool = true) -> PeerKey {
        var traits = PeerTraits(supportsFast: true)
        traits.supportsGrants = supportsGrants
        traits.longestRequest = Self.requestLength
        let key = machine.join(traits, now: now)
        keys.append(key)
        drain()
        hear(.haveNone, from: key)
        if isInterested { hear(.interested, from: key) }
        return key
    }

    mutating func leave(_ key: PeerKey) {
        machine.leave(key, now: now)
        keys.removeAll { $0 == key }
        drain()
    }

    mutating func hear(_ message: Message, from key: PeerKey) {
        machine.received(message, from: key, now: now)
        drain()
    }

    mutating func tick(after seconds: Double = 0.1) {
        now += seconds
        machine.tick(now: now)
        drain()
    }

    /// Asks for a whole piece, as a peer whose grant it is does.
    mutating func ask(_ piece: Int, by key: PeerKey) {
        for begin in stride(from: 0, to: Self.pieceLength, by: Self.requestLength) {
            hear(.request(Self.request(piece, begin)), from: key)
        }
    }

    static func request(_ piece: Int, _ begin: Int) -> BlockRequest {
        BlockRequest(index: UInt32(piece), begin: UInt32(begin), length: UInt32(requestLength))
    }

    /// All that the peer asked for goes out, at once, or as much of it as `most` bytes are.
    /// - Returns: bytes.
    @discardableResult
    mutating func send(to key: PeerKey, most: Int = .max) -> Int {
        var bytes = 0
        while bytes < most, let span = machine.nextUpload(to: key) {
            bytes += span.length
            machine.uploaded(span.length, to: key, now: now)
            drain()
        }
        return bytes
    }

    /// What was said since this was called last.
    mutating func takeSaid() -> [(key: PeerKey, message: Message)] {
        defer { said = [] }
        return said
    }

    /// Grants that were given since anything was taken last, and -1 for one of the receiver's choice.
    mutating func takeGrants() -> [(key: PeerKey, piece: Int)] { takeSaid().compactMap(Self.grant) }

    static func grant(_ said: (key: PeerKey, message: Message)) -> (key: PeerKey, piece: Int)? {
        if case .extended(.grant(let piece)) = said.message { (said.key, piece.map(Int.init) ?? -1) } else { nil }
    }

    /// Bytes that are promised: given, or asked for and not gone.
    var promised: Int {
        keys.reduce(0) { sum, key in
            guard let grants = machine.swarm.peers[key]?.grants else { return sum }
            return sum + grants.queued + grants.given.count * Self.pieceLength
        }
    }

    /// The running sums of what is promised are what the peers' states add up to.
    var sumsAreRight: Bool {
        var spoken = 0
        var slowSpoken = 0
        for key in keys {
            guard let grants = machine.swarm.peers[key]?.grants, !grants.isStill else { continue }
            let bytes = grants.queued + grants.given.count * Self.pieceLength
            if grants.isSlow { slowSpoken += bytes / 4 } else { spoken += bytes }
        }
        return machine.uploads.grants.granted.spoken == spoken
            && machine.uploads.grants.granted.slowSpoken == slowSpoken
    }

    private mutating func drain() {
        for action in machine.takeActions() {
            if case .send(let key, let message) = action { said.append((key, message)) }
        }
    }
}

extension Sequence where Element == (key: PeerKey, message: Message) {
    func receivers(of message: Message) -> [PeerKey] { filter { $0.message == message }.map(\.key) }

    func messages(to key: PeerKey) -> [Message] { filter { $0.key == key }.map(\.message) }

    var areAboutGrants: Bool {
        contains {
            switch $0.message {
            case .extended(.grant), .extended(.grants), .extended(.grantOver): true
            default: false
            }
        }
    }
}
