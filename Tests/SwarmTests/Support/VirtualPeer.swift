import Address
import Hashing
import PeerWire
import Reactor
import VirtualNetwork

@testable import Swarm

/// A host of a ``VirtualNetwork`` that shakes hands as a peer does, greets, and answers each message as a test says.
final class VirtualPeer {
    /// What the other side said after its handshake, keep-alives included and blocks left out.
    private(set) var heard: [Message] = []
    /// Connections that the other side closed.
    private(set) var closed = 0

    private let network: VirtualNetwork
    private let sample: Sample
    private let id: PeerID
    private let greeting: [Message]
    private let answer: (Message) -> [Message]
    private var listener: StreamListener?
    private var lines: [Line] = []

    /// - Parameters:
    ///   - number: of the host.
    ///   - target: whom it connects to; nil for one that listens.
    init(
        _ number: UInt8, on network: VirtualNetwork, _ sample: Sample, to target: PeerAddress? = nil,
        id: PeerID = .random(), greeting: [Message] = [], answer: @escaping (Message) -> [Message] = { _ in [] }
    ) throws {
        self.network = network
        self.sample = sample
        self.id = id
        self.greeting = greeting
        self.answer = answer
        let address = VirtualNetwork.address(number)
        if let target {
            let line = try Line(self, network.connect(to: target, from: address))
            try line.stream.register(on: network.loop, for: .write, handler: line)
            lines.append(line)
        } else {
            let listener = try network.listen(on: address)
            try listener.register(on: network.loop, handler: Door(self))
            self.listener = listener
        }
    }

    func stop() {
        listener?.unregister(from: network.loop)
        listener?.close()
        listener = nil
        for line in lines { line.close() }
        lines = []
    }

    private final class Door: ReadinessHandler {
        private unowned let peer: VirtualPeer
        init(_ peer: VirtualPeer) { self.peer = peer }

        func ready(_ readiness: Readiness) {
            while let accepted = try? peer.listener?.accept() {
                let line = Line(peer, accepted.stream)
                try? line.stream.register(on: peer.network.loop, for: .read, handler: line)
                line.isIncoming = true
                peer.lines.append(line)
            }
        }
    }

    /// One connection.
    private final class Line: ReadinessHandler {
        let stream: ByteStream
        var isIncoming = false
        private unowned let peer: VirtualPeer
        private var isOpen = true
        private var hasSaidHello = false
        private var bytes: [UInt8] = []
        private var decoder: FrameDecoder?

        init(_ peer: VirtualPeer, _ stream: ByteStream) {
            self.peer = peer
            self.stream = stream
        }

        func close() {
            guard isOpen else { return }
            isOpen = false
            stream.unregister(from: peer.network.loop)
            stream.close()
        }

        func ready(_ readiness: Readiness) {
            if !isIncoming, !hasSaidHello {
                sayHello(peer.sample.info.hashes.primary)
                stream.modify(on: peer.network.loop, for: .read)
            }
            var chunk = [UInt8](repeating: 0, count: 16_384)
            while isOpen {
                switch chunk.withUnsafeMutableBytes({ stream.receive(into: $0) }) {
                case .bytes(let count): bytes += chunk[..<count]
                case .wouldBlock: return read()
                case .ended, .failed:
                    read()
                    peer.closed += 1
                    close()
                }
            }
        }

        private func sayHello(_ infoHash: SHA1Digest) {
            hasSaidHello = true
            var hello: [UInt8] = []
            Handshake(reserved: .ours, infoHash: infoHash, peerID: peer.id).encode(into: &hello)
            send(hello)
        }

        private func say(_ messages: [Message]) {
            var said: [UInt8] = []
            for message in messages { message.encode(into: &said) }
            if !said.isEmpty { send(said) }
        }

        private func send(_ bytes: [UInt8]) { _ = bytes.withUnsafeBytes { stream.send($0, more: false) } }

        private func read() {
            if decoder == nil {
                let progress = try? bytes.withUnsafeBytes { bytes throws(ProtocolViolation) in
                    try HandshakeDecoder.judge(bytes)
                }
                guard case .complete(let handshake) = progress else { return }
                bytes.removeFirst(Handshake.byteCount)
                decoder = FrameDecoder(peer: handshake.reserved, content: ContentBounds(peer.sample.info))
                if !hasSaidHello { sayHello(handshake.infoHash) }
                say(peer.greeting)
            }
            while let next = try? bytes.withUnsafeBytes({ bytes throws(ProtocolViolation) in try decoder?.next(bytes) })
            {
                switch next {
                case .needMore: return
                case .skipped(let consumed): bytes.removeFirst(consumed)
                case .message(let message, let consumed):
                    bytes.removeFirst(consumed)
                    peer.heard.append(message)
                    say(peer.answer(message))
                case .piece(let header, let consumed):
                    guard bytes.count >= consumed + Int(header.length) else { return }
                    bytes.removeFirst(consumed + Int(header.length))
                }
            }
        }
    }
}
