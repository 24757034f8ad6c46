import Metainfo
import PeerWire

/// A peer that has everything and serves it, except where its rules say otherwise.
struct ScriptedSeed: Sendable {
    enum Answer: Sendable {
        case right
        /// One byte of the block is wrong.
        case poisoned
        case nothing
        case reject
        /// Closes the connection after the right answer.
        case lastRight
        /// The answer, then these messages.
        case rightThen([Message])
    }

    let sample: Sample
    var reserved = ReservedBits.ours
    var id = PeerID.random()
    /// Sent after the handshake.
    var greeting: [Message] = [.haveAll, .unchoke]
    var extended: ExtensionHandshake?
    /// What to do with a request, the number of requests before it on this connection being told too.
    var answer: @Sendable (BlockRequest, Int) -> Answer = { _, _ in .right }

    func block(_ request: BlockRequest) -> [UInt8] {
        Array(sample.pieces[Int(request.index)][Int(request.begin)..<Int(request.begin) + Int(request.length)])
    }

    /// - Parameter number: for ``ScriptedPeer``.
    func run(_ socket: PeerSocket, _ number: Int = 0) throws {
        try socket.answerHands(sample.info, hashes: sample.info.hashes, reserved: reserved, id: id)
        if let extended { try socket.send(.extended(.handshake(extended))) }
        try socket.send(greeting)
        var count = 0
        while true {
            guard case .message(.request(let request)) = try socket.next() else { continue }
            let answer = answer(request, count)
            count += 1
            switch answer {
            case .right: try socket.send(block: request, block(request))
            case .poisoned:
                var bytes = block(request)
                bytes[bytes.count / 2] ^= 0xff
                try socket.send(block: request, bytes)
            case .nothing: break
            case .reject: try socket.send(.reject(request))
            case .lastRight: return try socket.send(block: request, block(request))
            case .rightThen(let messages):
                try socket.send(block: request, block(request))
                try socket.send(messages)
            }
        }
    }

    /// Listens with these rules.
    func listen(host: String = "127.0.0.1") throws -> ScriptedPeer { try ScriptedPeer(host: host) { try run($0, $1) } }
}
