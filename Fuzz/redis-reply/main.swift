// sources: Text Address Tracking/Server Tracking/Shared TrackerRedis/RESP
// max_len: 8000

// What a store of peers sends back: any number of replies, and one as the answer to an announce.

import TrackerRedis

/// What holds for every input, or the input is kept as a finding.
func holds(_ condition: Bool, _ what: StaticString) {
    if !condition { fatalError(what.description) }
}

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ data: UnsafePointer<UInt8>, _ size: Int) -> CInt {
    // A copy of the exact size, so that a read past its end is seen.
    let input = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 1)
    defer { input.deallocate() }
    input.copyMemory(from: UnsafeRawBufferPointer(start: data, count: size))
    var rest = UnsafeRawBufferPointer(input)
    while !rest.isEmpty, let length = try? RESPReader.replyLength(rest) {
        holds(length > 0 && length <= rest.count, "a reply of no length")
        let one = UnsafeRawBufferPointer(rebasing: rest[..<length])
        holds((try? RESPReader.replyLength(one)) == .some(length), "what follows a reply changes it")
        // A reply without its last byte is not whole.
        if let part = try? RESPReader.replyLength(UnsafeRawBufferPointer(rebasing: one[..<(length - 1)])) {
            holds(part == length, "a part of a reply is one")
        }
        var answer = AnnounceReplyReader()
        if (try? answer.read(one)) == .some(nil) {
            holds(answer.seeds >= 0 && answer.leechers >= 0, "a negative number of peers")
            holds(answer.ipv4.count % 6 == 0 && answer.ipv6.count % 18 == 0, "an odd address")
        }
        rest = UnsafeRawBufferPointer(rebasing: rest[length...])
    }
    return 0
}
