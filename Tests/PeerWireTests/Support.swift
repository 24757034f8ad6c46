import Hashing
import PeerWire

/// What a peer's bytes turned out to be.
struct Received: Equatable {
    var messages: [Message] = []
    var pieces: [PieceHeader] = []
    var payload: [UInt8] = []
    var violation: ProtocolViolation?
    /// Bytes that are left, waiting for more.
    var unread = 0
    /// The most bytes that the decoder asked to have at once.
    var mostWanted = 0
}

/// A connection's reading side: feeds a decoder from a stream, in reads of any size.
struct Connection {
    var decoder: FrameDecoder
    private var buffer: [UInt8] = []
    private var payloadLeft = 0
    private(set) var received = Received()

    init(fast: Bool = true, content: ContentBounds? = .small, limits: WireLimits = .default) {
        decoder = FrameDecoder(peer: fast ? [.fast] : [], content: content, limits: limits)
    }

    mutating func feed(_ bytes: some Sequence<UInt8>) {
        buffer += bytes
        while received.violation == nil {
            if payloadLeft > 0 {
                let taken = min(payloadLeft, buffer.count)
                received.payload += buffer.prefix(taken)
                buffer.removeFirst(taken)
                payloadLeft -= taken
                if payloadLeft > 0 { break }
            }
            do {
                switch try buffer.withUnsafeBytes({ try decoder.next($0) }) {
                case .needMore(let atLeast):
                    received.unread = buffer.count
                    received.mostWanted = max(received.mostWanted, atLeast)
                    return
                case .message(let message, let consumed):
                    received.messages.append(message)
                    buffer.removeFirst(consumed)
                case .skipped(let consumed): buffer.removeFirst(consumed)
                case .piece(let header, let consumed):
                    received.pieces.append(header)
                    payloadLeft = Int(header.length)
                    buffer.removeFirst(consumed)
                }
            } catch {
                received.violation = error as? ProtocolViolation
            }
        }
        received.unread = buffer.count
    }

    /// All of `bytes` in reads of `step` bytes.
    static func read(
        _ bytes: [UInt8], step: Int = .max, fast: Bool = true, content: ContentBounds? = .small,
        limits: WireLimits = .default
    ) -> Received {
        var connection = Connection(fast: fast, content: content, limits: limits)
        var start = 0
        while start < bytes.count {
            let end = start + min(step, bytes.count - start)
            connection.feed(bytes[start..<end])
            start = end
        }
        return connection.received
    }
}

extension ContentBounds {
    /// Twenty pieces of 32 KiB, the last of 100 bytes.
    static let small = ContentBounds(pieceCount: 20, pieceLength: 32768, lastPieceLength: 100)
}

/// A frame: length prefix, id and payload.
func frame(_ id: UInt8, _ payload: [UInt8] = []) -> [UInt8] { number(UInt32(1 + payload.count)) + [id] + payload }

/// An extended message under one of our ids.
func extendedFrame(_ id: UInt8, _ payload: some Sequence<UInt8>) -> [UInt8] { frame(20, [id] + payload) }

func number(_ value: UInt32) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * $0)) } }

func block(_ index: UInt32, _ begin: UInt32, _ length: UInt32) -> BlockRequest {
    BlockRequest(index: index, begin: begin, length: length)
}

extension BlockRequest {
    var wire: [UInt8] { number(index) + number(begin) + number(length) }
}

extension SHA256Digest {
    /// A digest of 32 equal bytes.
    static func filled(_ byte: UInt8) -> SHA256Digest {
        SHA256Digest(bytes: [UInt8](repeating: byte, count: 32)) ?? .zero
    }
}

extension Message {
    var encoded: [UInt8] {
        var bytes: [UInt8] = []
        encode(into: &bytes, ids: .own(isPrivate: false))
        return bytes
    }
}
