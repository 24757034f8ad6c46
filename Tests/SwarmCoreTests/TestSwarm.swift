import Bencode
import Hashing
import Metainfo
import PeerWire
import SwarmCore

/// A layout of one file, made as any torrent is.
func testLayout(length: Int, pieceLength: Int) throws -> ContentLayout {
    let pieces = (length + pieceLength - 1) / pieceLength
    var info = BencodeDictionary()
    info["length"] = .integer(Int64(length))
    info["name"] = .string("content")
    info["piece length"] = .integer(Int64(pieceLength))
    info["pieces"] = .data([UInt8](repeating: 0, count: pieces * 20))
    return try Info.parse(Bencode.encode(.dictionary(info))).layout
}

/// Machines that talk to each other on a virtual clock: every message takes `delay`, every block `delay` and its turn
/// on the sender's uplink. What a hostile or lazy peer does differently is a closure.
struct TestSwarm {
    struct Node {
        var machine: SwarmMachine
        var peers: [PeerKey: (node: Int, key: PeerKey)] = [:]
        var keys: [Int: PeerKey] = [:]
        /// Peers with something to upload, in turn.
        var turns: [PeerKey] = []
        var isSending = false
        /// Pieces whose gathered bytes are false.
        var tainted: [Int: Set<PeerKey>] = [:]
        var finishedAt: Double?
        var sent: [Int: Int] = [:]
        var banned: [Int] = []
        var disconnected: [(node: Int, reason: SwarmAction.Reason)] = []
    }

    enum Event {
        case message(to: Int, from: PeerKey, Message)
        case block(to: Int, from: PeerKey, BlockSpan, isFalse: Bool)
        case uplinkFree(Int)
        case verified(Int, PieceIndex)
        case tick
    }

    let layout: ContentLayout
    var nodes: [Node] = []
    var now = 0.0
    var delay = 0.005
    /// Bytes per second of every uplink.
    var uplink = 1_000_000.0
    /// Seconds that it takes to hash and store a piece.
    var verification = 0.001
    /// Whether this node sends false bytes.
    var poisons: (Int) -> Bool = { _ in false }
    /// Whether this node leaves requests unanswered.
    var isSilent: (Int) -> Bool = { _ in false }
    /// The next one last.
    private var queue: [(at: Double, serial: Int, event: Event)] = []
    private var serial = 0

    init(layout: ContentLayout) { self.layout = layout }

    mutating func add(
        seed: Bool, configuration: SwarmConfiguration = SwarmConfiguration(), have: PieceSet? = nil
    ) -> Int {
        let count = layout.pieceCount
        let machine = SwarmMachine(
            layout: layout, wanted: PieceSet(full: count),
            have: have ?? (seed ? PieceSet(full: count) : PieceSet(size: count)),
            configuration: configuration, seed: UInt64(nodes.count + 1), now: now)
        nodes.append(Node(machine: machine))
        return nodes.count - 1
    }

    mutating func connect(_ first: Int, _ second: Int, fast: Bool = true) {
        var traits = PeerTraits(supportsFast: fast)
        traits.followsSuggestions = fast
        traits.supportsGrants = fast
        traits.longestRequest = fast ? 128 * 1024 : blockLength
        let there = nodes[first].machine.join(traits, now: now)
        let here = nodes[second].machine.join(traits, now: now)
        nodes[first].peers[there] = (second, here)
        nodes[first].keys[second] = there
        nodes[second].peers[here] = (first, there)
        nodes[second].keys[first] = here
        drain(first)
        drain(second)
    }

    mutating func disconnect(_ first: Int, _ second: Int) {
        for (node, other) in [(first, second), (second, first)] {
            guard let key = nodes[node].keys.removeValue(forKey: other) else { continue }
            nodes[node].peers[key] = nil
            nodes[node].machine.leave(key, now: now)
            drain(node)
        }
    }

    /// Runs until `isDone` or `limit` virtual seconds.
    mutating func run(limit: Double, until isDone: (TestSwarm) -> Bool) {
        schedule(0, .tick)
        while now < limit, !isDone(self), let next = queue.popLast() {
            now = max(now, next.at)
            handle(next.event)
        }
    }

    var areAllFinished: Bool { nodes.allSatisfy { $0.machine.isFinished } }

    private mutating func schedule(_ after: Double, _ event: Event) {
        serial += 1
        let at = now + after
        var (low, high) = (0, queue.count)
        while low < high {
            let middle = (low + high) / 2
            if queue[middle].at > at { low = middle + 1 } else { high = middle }
        }
        queue.insert((at, serial, event), at: low)
    }

    private mutating func handle(_ event: Event) {
        switch event {
        case .tick:
            for node in nodes.indices {
                nodes[node].machine.tick(now: now)
                drain(node)
            }
            schedule(0.1, .tick)
        case .message(let node, let key, let message):
            guard nodes[node].peers[key] != nil else { return }
            nodes[node].machine.received(message, from: key, now: now)
            drain(node)
        case .uplinkFree(let node):
            nodes[node].isSending = false
            pump(node)
        case .block(let node, let key, let span, let isFalse):
            guard nodes[node].peers[key] != nil else { return }
            let placement = nodes[node].machine.beginBlock(span, from: key)
            if placement == .buffer || placement == .aside, isFalse {
                nodes[node].tainted[span.piece, default: []].insert(key)
            }
            _ = nodes[node].machine.finishBlock(span, from: key, placement: placement, now: now)
            drain(node)
        case .verified(let node, let piece):
            let liars = nodes[node].tainted.removeValue(forKey: piece.value) ?? []
            let state = nodes[node].machine.planner.open[piece.value]
            let digests = (state?.senders ?? []).map { sender in
                SHA1.digest(Array("\(sender.map { liars.contains($0) } ?? false)".utf8))
            }
            nodes[node].machine.judged(
                piece, liars.isEmpty ? .stored(digests: digests) : .wrong(digests: digests), now: now)
            drain(node)
        }
    }

    private mutating func drain(_ node: Int) {
        while nodes[node].machine.hasActions {
            for action in nodes[node].machine.takeActions() { perform(action, node) }
        }
    }

    private mutating func perform(_ action: SwarmAction, _ node: Int) {
        switch action {
        case .send(let key, let message):
            guard let other = nodes[node].peers[key] else { return }
            schedule(delay, .message(to: other.node, from: other.key, message))
        case .announce(let piece):
            for other in nodes[node].peers.sorted(by: { $0.key.slot < $1.key.slot }).map(\.value) {
                schedule(delay, .message(to: other.node, from: other.key, .have(UInt32(piece.value))))
            }
        case .upload(let key):
            nodes[node].turns.append(key)
            pump(node)
        case .verify(let piece, _): schedule(verification, .verified(node, piece))
        case .finished: nodes[node].finishedAt = now
        case .ban(let key):
            guard let other = nodes[node].peers[key]?.node else { return }
            nodes[node].banned.append(other)
            disconnect(node, other)
        case .disconnect(let key, let reason):
            guard let other = nodes[node].peers[key]?.node else { return }
            nodes[node].disconnected.append((other, reason))
            disconnect(node, other)
        case .close(let piece): nodes[node].tainted[piece.value] = nil
        case .open, .divert, .fetch, .cancelFetch: break
        }
    }

    private mutating func pump(_ node: Int) {
        guard !nodes[node].isSending, !isSilent(node) else { return }
        while !nodes[node].turns.isEmpty {
            let key = nodes[node].turns.removeFirst()
            guard let other = nodes[node].peers[key], let span = nodes[node].machine.nextUpload(to: key) else {
                continue
            }
            nodes[node].machine.uploaded(span.length, to: key, now: now)
            nodes[node].sent[span.piece, default: 0] += span.length
            nodes[node].turns.append(key)
            nodes[node].isSending = true
            let time = Double(span.length) / uplink
            schedule(time, .uplinkFree(node))
            schedule(time + delay, .block(to: other.node, from: other.key, span, isFalse: poisons(node)))
            return
        }
    }
}
