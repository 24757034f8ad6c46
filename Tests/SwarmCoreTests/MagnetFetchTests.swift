import Hashing
import Metainfo
import PeerWire
import SwarmCore
import Testing
import Text

@Suite struct MetadataFetchTests {
    /// What each peer answers: bytes, or nil for silence.
    private typealias Peers = [String: (size: Int, answer: (Int) -> [UInt8]?)]
    private let content = (0..<50_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }

    private func honest(_ chunk: Int) -> [UInt8]? { Array(content.dropFirst(chunk * 16384).prefix(16384)) }

    /// - Returns: seconds until the right bytes are there, and who was found lying; nil if they never are.
    private func run(_ peers: Peers, rejects: Set<String> = [], seconds: Double = 300) -> (at: Double, liars: [String])?
    {
        var fetch = MetadataFetch<String>()
        var liars: [String] = []
        for (name, peer) in peers { fetch.offered(by: name, size: peer.size) }
        for tick in 0..<Int(seconds * 5) {
            let now = Double(tick) / 5
            for case .request(let name, let chunk) in fetch.next(now: now) {
                if rejects.contains(name) { fetch.rejected(by: name, chunk: chunk, now: now) }
                guard let bytes = peers[name]?.answer(chunk) else { continue }
                guard case .complete(let chunks)? = fetch.received(chunk: chunk, data: bytes, from: name) else {
                    continue
                }
                if chunks.flatMap({ $0 }) == content { return (now, liars) }
                if let liar = fetch.judged(isRight: false) {
                    liars.append(liar)
                    fetch.removePeer(liar)
                }
            }
        }
        return nil
    }

    @Test func `one honest peer is enough`() {
        #expect(run(["a": (50_000, honest)])?.at == 0)
    }

    @Test(arguments: [1, 49_999, 50_001, 64 << 20]) func `a lie about the size costs seconds`(size: Int) throws {
        let result = try #require(run(["honest": (50_000, honest), "liar": (size, { _ in nil })]))
        #expect(result.at < 30)
    }

    @Test func `a majority of silent liars costs seconds`() throws {
        var peers: Peers = ["honest": (50_000, honest)]
        for index in 0..<9 { peers["liar\(index)"] = (1_000_000, { _ in nil }) }
        #expect(try #require(run(peers)).at < 60)
    }

    @Test func `a liar who drips another version is left in time`() throws {
        // Always one chunk in time, for a version of 64 MiB.
        var asked = 0
        let drip: (Int) -> [UInt8]? = { _ in
            asked += 1
            return asked % 8 == 0 ? [UInt8](repeating: 0, count: 16384) : nil
        }
        var peers: Peers = ["honest": (50_000, honest)]
        for index in 0..<3 { peers["liar\(index)"] = (64 << 20, drip) }
        #expect(try #require(run(peers, seconds: 1000)).at < 600)
    }

    @Test func `a liar alone is named`() throws {
        let lie: (Int) -> [UInt8]? = { chunk in honest(chunk).map { $0.map { $0 ^ 1 } } }
        let result = try #require(run(["liar": (50_000, lie), "honest": (50_000, honest)]))
        #expect(result.liars.isEmpty || result.liars == ["liar"])
        #expect(run(["liar": (50_000, lie)], seconds: 30) == nil)
    }

    @Test(arguments: 0..<10) func `a liar who falls silent when asked alone does not stop it`(seed: Int) throws {
        var count = 0
        let lie: (Int) -> [UInt8]? = { chunk in
            count += 1
            return count < 3 ? honest(chunk).map { $0.map { $0 ^ 1 } } : nil
        }
        #expect(try #require(run(["liar\(seed)": (50_000, lie), "honest": (50_000, honest)])).at < 60)
    }

    @Test func `who rejects is asked again later`() throws {
        var count = 0
        let late: (Int) -> [UInt8]? = { chunk in
            count += 1
            return count > 6 ? honest(chunk) : nil
        }
        #expect(try #require(run(["late": (50_000, late)])).at < 60)
        #expect(run(["never": (50_000, { _ in nil })], rejects: ["never"], seconds: 60) == nil)
    }

    @Test func `sizes out of range and bytes not asked for are dropped`() {
        var fetch = MetadataFetch<String>()
        for size in [0, -1, Int.min, (64 << 20) + 1, .max] { fetch.offered(by: "a", size: size) }
        #expect(fetch.next(now: 0).isEmpty)
        fetch.offered(by: "a", size: 100)
        #expect(fetch.received(chunk: 0, data: [UInt8](repeating: 0, count: 100), from: "a") == nil)
        #expect(fetch.next(now: 0) == [.request("a", chunk: 0)])
        #expect(fetch.received(chunk: 0, data: [UInt8](repeating: 0, count: 100), from: "b") == nil)
        #expect(fetch.received(chunk: 1, data: [UInt8](repeating: 0, count: 100), from: "a") == nil)
        #expect(fetch.received(chunk: -1, data: [], from: "a") == nil)
        #expect(fetch.received(chunk: 0, data: [], from: "a") == nil)
        #expect(fetch.chunksTaken == 0)
        fetch.removePeer("a")
        fetch.rejected(by: "a", chunk: 0, now: 0)
        #expect(fetch.next(now: 100).isEmpty)
    }

    @Test func `a dictionary of 64 MiB from fifty peers costs no more for each chunk`() throws {
        var fetch = MetadataFetch<Int>()
        for peer in 0..<50 { fetch.offered(by: peer, size: 64 << 20) }
        let chunk = [UInt8](repeating: 7, count: 16384)
        var watch = CallWatch()
        var queue = fetch.next(now: 0)
        var isComplete = false
        while let step = queue.popLast() {
            guard case .request(let peer, let number) = step else { continue }
            let answer = watch.measure { fetch.received(chunk: number, data: chunk, from: peer) }
            if case .complete(let chunks)? = answer { isComplete = chunks.count == 4096 }
            queue += watch.measure { fetch.next(now: 0) }
        }
        #expect(isComplete)
        watch.expect(total: 15, longest: 0.1)
    }
}

@Suite struct SuspectPieces {
    /// A machine that has seen one bad piece of two senders; it is asked of one of them alone now.
    private func suspect(fast: Bool) throws -> (SwarmMachine, owner: PeerKey, other: PeerKey) {
        let layout = try testLayout(length: 8 * blockLength, pieceLength: 8 * blockLength)
        var machine = SwarmMachine(layout: layout, wanted: PieceSet(full: 1), have: PieceSet(size: 1), seed: 1, now: 0)
        let keys = (0..<2).map { _ in machine.join(PeerTraits(supportsFast: fast), now: 0) }
        for key in keys {
            machine.received(.bitfield([0x80]), from: key, now: 0)
            machine.received(.unchoke, from: key, now: 0)
        }
        var isBad = false
        while !isBad {
            for case .send(let key, .request(let request)) in machine.takeActions() {
                deliver(&machine, request, key, 0)
            }
            for action in machine.takeActions() {
                switch action {
                case .send(let key, .request(let request)): deliver(&machine, request, key, 0)
                case .verify(let piece, _):
                    isBad = true
                    let digests = (0..<8).map { SHA1.digest([UInt8($0)]) }
                    machine.judged(piece, .wrong(digests: digests), now: 0)
                default: break
                }
                if isBad { break }
            }
            isBad = isBad || machine.planner.ledger.isSuspect(0)
        }
        let owner = try #require(machine.planner.open[0]?.exclusiveOwner)
        return (machine, owner, keys[owner == keys[0] ? 1 : 0])
    }

    private func deliver(_ machine: inout SwarmMachine, _ request: BlockRequest, _ key: PeerKey, _ now: Double) {
        let span = BlockSpan(piece: Int(request.index), begin: Int(request.begin), length: Int(request.length))
        let placement = machine.beginBlock(span, from: key)
        if placement != .violation { _ = machine.finishBlock(span, from: key, placement: placement, now: now) }
        if let piece = machine.layout.piece(0), machine.planner.open[0]?.isComplete == true {
            machine.judged(piece, .wrong(digests: (0..<8).map { SHA1.digest([UInt8($0)]) }), now: now)
        }
    }

    @Test(arguments: [true, false]) func `the sole source that chokes gives the piece up`(fast: Bool) throws {
        var (machine, owner, other) = try suspect(fast: fast)
        machine.received(.choke, from: owner, now: 1)
        machine.tick(now: 1.1)
        let now = machine.planner.open[0]?.exclusiveOwner
        #expect(now == other)
    }

    @Test(arguments: [true, false]) func `the sole source that falls silent gives the piece up`(fast: Bool) throws {
        var (machine, owner, other) = try suspect(fast: fast)
        for tick in 0..<200 { machine.tick(now: Double(tick) / 10) }
        let now = machine.planner.open[0]?.exclusiveOwner
        #expect(now == other && now != owner)
    }

    @Test(arguments: [true, false]) func `the sole source that leaves gives the piece up`(fast: Bool) throws {
        var (machine, owner, other) = try suspect(fast: fast)
        machine.leave(owner, now: 1)
        let now = machine.planner.open[0]?.exclusiveOwner
        #expect(now == other)
    }

    @Test func `the sole source that rejects gives the piece up`() throws {
        var (machine, owner, other) = try suspect(fast: true)
        let asked = try #require(machine.swarm.peers[owner]?.outstanding.first { !$0.isCancelled })
        machine.received(.reject(asked.span.wire), from: owner, now: 1)
        machine.tick(now: 1.1)
        let now = machine.planner.open[0]?.exclusiveOwner
        #expect(now == other)
    }
}

@Suite struct PeersThatLosePieces {
    @Test(arguments: 0..<10) func `copies are counted right`(seed: Int) throws {
        let count = 40
        let layout = try testLayout(length: count * 16384, pieceLength: 16384)
        var machine = SwarmMachine(
            layout: layout, wanted: PieceSet(full: count), have: PieceSet(size: count), seed: 1, now: 0)
        var random = SeededGenerator(seed: UInt64(seed))
        var traits = PeerTraits(supportsFast: true)
        traits.supportsDontHave = true
        var peers: [PeerKey: PieceSet] = [:]
        for step in 0..<600 {
            let key = peers.keys.sorted { $0.slot < $1.slot }.randomElement(using: &random)
            switch Int.random(in: 0..<20, using: &random) {
            case 0:
                let key = machine.join(traits, now: 0)
                peers[key] = PieceSet(size: count)
                if Bool.random(using: &random) {
                    machine.received(.haveAll, from: key, now: 0)
                    peers[key] = PieceSet(full: count)
                }
            case 1 where step % 5 == 0:
                if let key {
                    machine.leave(key, now: 0)
                    peers[key] = nil
                }
            case 2...14:
                let piece = Int.random(in: 0..<count, using: &random)
                if let key {
                    machine.received(.have(UInt32(piece)), from: key, now: 0)
                    peers[key]?.insert(piece)
                }
            default:
                let piece = Int.random(in: 0..<count, using: &random)
                if let key {
                    machine.received(.extended(.dontHave(UInt32(piece))), from: key, now: 0)
                    peers[key]?.remove(piece)
                }
            }
            _ = machine.takeActions()
            for piece in 0..<count {
                let copies = machine.planner.picker.copies(of: piece)
                let expected = peers.values.count { $0.contains(piece) }
                #expect(copies == expected)
            }
        }
    }

    @Test func `a reject is not answered by a request at once`() throws {
        let layout = try testLayout(length: 1 << 20, pieceLength: 1 << 18)
        var machine = SwarmMachine(layout: layout, wanted: PieceSet(full: 4), have: PieceSet(size: 4), seed: 1, now: 0)
        let key = machine.join(PeerTraits(supportsFast: true), now: 0)
        machine.received(.haveAll, from: key, now: 0)
        machine.received(.unchoke, from: key, now: 0)
        var requests = 0
        for tick in 0..<600 {
            let now = Double(tick) / 10
            machine.tick(now: now)
            while machine.hasActions, requests < 10_000 {
                for case .send(_, .request(let request)) in machine.takeActions() {
                    requests += 1
                    machine.received(.reject(request), from: key, now: now)
                }
            }
        }
        #expect(requests < 100)
        #expect(requests > 4, "it is asked again now and then")
    }
}
