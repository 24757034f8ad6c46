// sources: Text Address JSON Settings Hashing Policy Fleet
// max_len: 8192
//
// The messages between agents and control, of both directions, and the texts that hosts are given: tokens, labels, selections. The
// first byte says which. Holds for every input: it is refused, or it encodes to something that decodes to the same value.

import Fleet
import JSON

private func check<Message: WireMessage>(_: Message.Type, _ bytes: [UInt8]) {
    let limits = JSONLimits(maxBytes: 8192, maxDepth: 32, maxValues: 4000)
    guard let message = try? Message(bytes: bytes, limits: limits) else { return }
    let again = try? Message(
        bytes: message.bytes, limits: JSONLimits(maxBytes: 1 << 20, maxDepth: 32, maxValues: 40_000))
    precondition(again == message, "does not come back")
}

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzFleetWire(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let input = Array(UnsafeBufferPointer(start: start, count: count))
    guard let kind = input.first else { return 0 }
    let bytes = Array(input.dropFirst())
    switch kind {
    case UInt8(ascii: "a"): check(JoinRequest.self, bytes)
    case UInt8(ascii: "b"): check(JoinReply.self, bytes)
    case UInt8(ascii: "c"): check(RenewRequest.self, bytes)
    case UInt8(ascii: "d"): check(SyncRequest.self, bytes)
    case UInt8(ascii: "e"): check(SyncReply.self, bytes)
    case UInt8(ascii: "f"): check(SendOrder.self, bytes)
    case UInt8(ascii: "g"): check(SendPlan.self, bytes)
    case UInt8(ascii: "h"): check(KeyRequest.self, bytes)
    case UInt8(ascii: "i"): check(KeyReply.self, bytes)
    case UInt8(ascii: "j"): check(StartRequest.self, bytes)
    case UInt8(ascii: "k"): check(StartReply.self, bytes)
    case UInt8(ascii: "l"): check(AnnounceRequest.self, bytes)
    case UInt8(ascii: "m"): check(AnnounceReply.self, bytes)
    case UInt8(ascii: "n"): check(JobView.self, bytes)
    case UInt8(ascii: "o"): check(JobOffer.self, bytes)
    case UInt8(ascii: "p"): check(AbandonRequest.self, bytes)
    case UInt8(ascii: "q"): check(SwarmList.self, bytes)
    default:
        let text = String(decoding: bytes, as: UTF8.self)
        if let token = EnrolmentToken(text) {
            precondition(EnrolmentToken(token.text.value) == token, "a token does not come back")
        }
        if let selection = try? Selection(text) {
            let again = try? Selection(selection.description)
            precondition(again == selection, "a selection does not come back")
        }
    }
    return 0
}
