// sources: Text Address Bencode Hashing PeerWire
// max_len: 70000
//
// Everything a peer can send. The first byte of the input chooses what is known of the peer and the content, the second
// how the rest is cut into reads. Holds for every input: cut into pieces it gives the same frames as at once; a message
// that was understood is understood again when it is encoded; nothing is consumed that was not there.

import Bencode
import Hashing
import PeerWire

/// Content small enough that random indices are often right.
private let bounds = ContentBounds(pieceCount: 20, pieceLength: 32768, lastPieceLength: 100)

private struct Outcome: Equatable {
    var messages: [Message] = []
    var pieces: [PieceHeader] = []
    var violation: ProtocolViolation?
    var skipped = 0
}

/// Feeds `bytes` in reads of `step` bytes, as a connection would.
private func run(_ bytes: ArraySlice<UInt8>, flags: UInt8, step: Int) -> Outcome {
    var decoder = FrameDecoder(peer: flags & 1 == 0 ? [.fast] : [], content: flags & 2 == 0 ? bounds : nil)
    var outcome = Outcome()
    var start = bytes.startIndex
    var end = start
    var wanted = 1
    var payload = 0
    while true {
        let ignored = min(payload, end - start)
        start += ignored
        payload -= ignored
        while payload == 0, end - start >= wanted {
            do {
                let unread = Array(bytes[start..<end])
                wanted = 0
                switch try unread.withUnsafeBytes({ try decoder.next($0) }) {
                case .needMore(let atLeast):
                    precondition(atLeast > unread.count, "asks for bytes it has")
                    precondition(atLeast <= (1 << 20) + 8, "asks for more than the limits allow")
                    wanted = atLeast
                case .message(let message, let consumed):
                    precondition(consumed > 0 && consumed <= unread.count)
                    outcome.messages.append(message)
                    start += consumed
                case .skipped(let consumed):
                    precondition(consumed > 0 && consumed <= unread.count)
                    outcome.skipped += consumed
                    start += consumed
                case .piece(let header, let consumed):
                    precondition(consumed == 13 && consumed <= unread.count)
                    outcome.pieces.append(header)
                    start += consumed
                    payload = Int(header.length)
                    let ignored = min(payload, end - start)
                    start += ignored
                    payload -= ignored
                }
            } catch {
                outcome.violation = error as? ProtocolViolation
                return outcome
            }
        }
        if end == bytes.endIndex { return outcome }
        end = min(end + step, bytes.endIndex)
    }
}

/// What was understood must be understood again, as the same, after encoding.
private func checkEncoding(_ message: Message, flags: UInt8) {
    var encoded: [UInt8] = []
    let isEncoded = message.encode(into: &encoded, ids: .own(isPrivate: false, isOrigin: true))
    precondition(isEncoded, "we know our own extensions")
    let again = run(encoded[...], flags: flags, step: encoded.count)
    precondition(again.messages == [message], "encoded and decoded, a message changed")
}

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ data: UnsafePointer<UInt8>, _ size: Int) -> CInt {
    guard size > 2 else { return 0 }
    let input = Array(UnsafeBufferPointer(start: data, count: size))
    _ = try? input.withUnsafeBytes { try HandshakeDecoder.judge($0) }
    let flags = input[0]
    let bytes = input[2...]
    let whole = run(bytes, flags: flags, step: max(bytes.count, 1))
    // Many messages in many small reads would only be slow.
    if bytes.count < 4096 {
        let inParts = run(bytes, flags: flags, step: 1 + Int(input[1] % 64))
        precondition(whole == inParts, "how the bytes were cut changed what they mean")
    }
    for message in whole.messages.prefix(64) { checkEncoding(message, flags: flags) }
    for case .bitfield(let payload) in whole.messages {
        try? bounds.check(bitfield: payload)
    }
    return 0
}
