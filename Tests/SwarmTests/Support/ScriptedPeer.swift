import Address
import Foundation
import Hashing
import Metainfo
import PeerWire
import Reactor
import Synchronization
import TestSupport
import Text
import Threads
import Tracking

/// One connection of a peer that does what a test's script says, right or wrong: a blocking socket, with PeerWire's
/// decoder and encoder for what is right, and raw bytes for what is not. Each runs on a thread of its own.
final class PeerSocket {
    enum Frame: Equatable {
        case message(Message)
        case block(PieceHeader, [UInt8])
    }

    enum Failure: Error, Equatable {
        /// The other side closed the connection.
        case closed
        case timedOut
        case system(CInt)
        case protocolViolation(String)
    }

    private let descriptor: CInt
    private var buffer: [UInt8] = []
    private var decoder: FrameDecoder?
    private var ids = ExtensionIDs()
    /// What the other side said first.
    private(set) var handshake: Handshake?

    fileprivate init(_ descriptor: CInt) {
        self.descriptor = descriptor
        patience = 20
        setPatience()
    }

    deinit { close(descriptor) }

    /// The connection ends with a reset instead of an orderly end.
    func reset() {
        var abrupt = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &abrupt, socklen_t(MemoryLayout<linger>.size))
        // Closes the connection, and keeps the descriptor for `deinit`.
        let nothing = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
        dup2(nothing, descriptor)
        close(nothing)
    }

    /// Seconds to wait for one read or write.
    var patience: Double { didSet { setPatience() } }

    private func setPatience() {
        var time = timeval(tv_sec: Int(patience), tv_usec: Int(patience.truncatingRemainder(dividingBy: 1) * 1e6))
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            setsockopt(descriptor, SOL_SOCKET, option, &time, socklen_t(MemoryLayout<timeval>.size))
        }
    }

    static func connect(_ address: PeerAddress, from host: String? = nil) throws -> PeerSocket {
        let isIPv4 = address.family == .ipv4
        let descriptor = socket(
            isIPv4 ? AF_INET : AF_INET6, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw Failure.system(errno) }
        let peer = PeerSocket(descriptor)
        if let host, let source = PeerAddress(host: host, port: 0) {
            guard source.withKernelAddress({ bind(descriptor, $0, $1) }) == 0 else { throw Failure.system(errno) }
        }
        guard address.withKernelAddress({ Glibc.connect(descriptor, $0, $1) }) == 0 else { throw Failure.system(errno) }
        return peer
    }

    // MARK: Sending

    func send(raw bytes: [UInt8]) throws {
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress?.advanced(by: sent), bytes.count - sent, CInt(MSG_NOSIGNAL))
            }
            guard count >= 0 else {
                switch errno {
                case EPIPE, ECONNRESET: throw Failure.closed
                case EAGAIN: throw Failure.timedOut
                default: throw Failure.system(errno)
                }
            }
            sent += count
        }
    }

    func send(_ messages: Message...) throws { try send(messages) }

    func send(_ messages: [Message]) throws {
        var bytes: [UInt8] = []
        for message in messages { message.encode(into: &bytes, ids: ids) }
        try send(raw: bytes)
    }

    func send(block request: BlockRequest, _ content: [UInt8]) throws {
        try send(raw: Self.header(request, content.count) + content)
    }

    /// The header alone of the block that was asked for.
    func send(headerOf request: BlockRequest) throws { try send(raw: Self.header(request, Int(request.length))) }

    private static func header(_ request: BlockRequest, _ length: Int) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: FixedFrame.pieceHeaderLength)
        let header = PieceHeader(index: request.index, begin: request.begin, length: UInt32(length))
        _ = bytes.withUnsafeMutableBytes { FixedFrame.pieceHeader(header, into: $0) }
        return bytes
    }

    /// Does nothing for so many seconds, as a slow peer does; throws as soon as the other side closes the connection.
    func hold(for seconds: Double) throws {
        if Loopback.isClosed(descriptor, within: seconds) { throw Failure.closed }
    }

    // MARK: Receiving

    private func fill() throws {
        var chunk = [UInt8](repeating: 0, count: 65536)
        let count = recv(descriptor, &chunk, chunk.count, 0)
        if count == 0 { throw Failure.closed }
        guard count > 0 else {
            switch errno {
            case ECONNRESET, EPIPE: throw Failure.closed
            case EAGAIN, EINTR: throw Failure.timedOut
            default: throw Failure.system(errno)
            }
        }
        buffer += chunk[..<count]
    }

    /// The next message or block; what we do not know is passed over.
    func next() throws -> Frame {
        guard var decoder else { throw Failure.protocolViolation("no handshake yet") }
        defer { self.decoder = decoder }
        while true {
            let step: FrameDecoder.Frame
            do {
                step = try buffer.withUnsafeBytes { bytes throws(ProtocolViolation) in try decoder.next(bytes) }
            } catch {
                throw Failure.protocolViolation("\(error)")
            }
            switch step {
            case .needMore: try fill()
            case .skipped(let consumed): buffer.removeFirst(consumed)
            case .message(let message, let consumed):
                buffer.removeFirst(consumed)
                if case .extended(.handshake(let theirs)) = message { ids.apply(theirs.ids) }
                return .message(message)
            case .piece(let header, let consumed):
                while buffer.count < consumed + Int(header.length) { try fill() }
                let content = Array(buffer[consumed..<consumed + Int(header.length)])
                buffer.removeFirst(consumed + Int(header.length))
                return .block(header, content)
            }
        }
    }

    /// Passes frames over until one is found.
    func next<Found>(_ find: (Frame) throws -> Found?) throws -> Found {
        while true { if let found = try find(try next()) { return found } }
    }

    /// Whether the other side closes the connection before `patience` passes without a byte. All that comes is told.
    @discardableResult
    func isClosed(collecting: (Frame) -> Void = { _ in }) -> Bool {
        while true {
            do { collecting(try next()) } catch let error as Failure {
                return error == .closed
            } catch { return false }
        }
    }

    // MARK: The beginning

    /// Handshakes as the one who connected.
    func shakeHands(
        _ info: Info, hash: SHA1Digest? = nil, reserved: ReservedBits = .ours, id: PeerID = .random()
    ) throws {
        try sendHandshake(info.hashes, hash: hash, reserved: reserved, id: id)
        try receiveHandshake(info)
    }

    func sendHandshake(
        _ hashes: InfoHashes, hash: SHA1Digest? = nil, reserved: ReservedBits = .ours, id: PeerID = .random()
    ) throws {
        var bytes: [UInt8] = []
        Handshake(reserved: reserved, infoHash: hash ?? hashes.primary, peerID: id).encode(into: &bytes)
        try send(raw: bytes)
    }

    /// - Parameter info: nil when what the torrent holds is not to be known.
    func receiveHandshake(_ info: Info?) throws {
        while true {
            let progress = try buffer.withUnsafeBytes { bytes throws(ProtocolViolation) in
                try HandshakeDecoder.judge(bytes)
            }
            guard case .complete(let handshake) = progress else {
                try fill()
                continue
            }
            buffer.removeFirst(Handshake.byteCount)
            self.handshake = handshake
            decoder = FrameDecoder(peer: handshake.reserved, content: info.map(ContentBounds.init))
            return
        }
    }

    /// Handshakes as one who was connected to.
    func answerHands(_ info: Info?, hashes: InfoHashes, reserved: ReservedBits = .ours, id: PeerID = .random()) throws {
        try receiveHandshake(info)
        try sendHandshake(hashes, hash: handshake?.infoHash, reserved: reserved, id: id)
    }
}

extension ContentBounds {
    init(_ info: Info) {
        let layout = info.layout
        let last = layout.piece(layout.pieceCount - 1).map { layout.length(of: $0) } ?? 0
        self.init(pieceCount: layout.pieceCount, pieceLength: layout.pieceLength, lastPieceLength: last)
    }
}

extension PeerID {
    static func random() -> PeerID {
        // ThreadSanitizer stumbles over a generator without any state.
        var generator = SeededGenerator(seed: .random(in: .min ... .max))
        return PeerID(major: 9, minor: 9, using: &generator)
    }
}

/// A peer that others connect to; every connection runs the script on its own thread.
final class ScriptedPeer: Sendable {
    let address: PeerAddress
    private let listener: TestListener
    private let state = Mutex((connections: 0, failures: [String]()))

    /// - Parameter script: of one connection, given how many there were before; the connection is closed at its end.
    ///   An error other than a closed connection is kept in ``failures``.
    init(host: String = "127.0.0.1", _ script: @escaping @Sendable (PeerSocket, Int) throws -> Void) throws {
        guard let any = PeerAddress(host: host, port: 0) else { throw PeerSocket.Failure.system(EINVAL) }
        let descriptor = socket(
            any.family == .ipv4 ? AF_INET : AF_INET6, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        let listener = TestListener(descriptor)
        self.listener = listener
        guard descriptor >= 0, any.withKernelAddress({ bind(descriptor, $0, $1) }) == 0, listen(descriptor, 64) == 0,
            let address = Socket.localAddress(of: descriptor)
        else { throw PeerSocket.Failure.system(errno) }
        self.address = address
        Threads.runDetached(name: "scripted-peer") { [weak self] in
            while let accepted = listener.accept() {
                guard let self else {
                    close(accepted)
                    break
                }
                let number = state.withLock {
                    $0.connections += 1
                    return $0.connections - 1
                }
                Threads.runDetached(name: "scripted") { [weak self] in
                    do { try script(PeerSocket(accepted), number) } catch PeerSocket.Failure.closed {
                    } catch { self?.state.withLock { $0.failures.append("\(error)") } }
                }
            }
            listener.close()
        }
    }

    /// Connections so far.
    var connections: Int { state.withLock { $0.connections } }
    var failures: [String] { state.withLock { $0.failures } }

    /// No more connections are taken.
    deinit { listener.shutDown() }
}
