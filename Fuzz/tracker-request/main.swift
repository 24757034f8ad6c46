// sources: Text Address Tracking/Server Tracking/Shared
// max_len: 12000

// Requests to a tracker. The first byte chooses the decoder: a datagram, an HTTP request, a query, or an allow-list.

import Tracking
#if canImport(Glibc)
import Glibc
#endif

/// What holds for every input, or the input is kept as a finding.
func holds(_ condition: Bool, _ what: StaticString) {
    if !condition { fatalError(what.description) }
}

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ data: UnsafePointer<UInt8>, _ size: Int) -> CInt {
    guard size > 0 else { return 0 }
    // A copy of the exact size, so that a read past its end is seen.
    let input = UnsafeMutableRawBufferPointer.allocate(byteCount: size - 1, alignment: 1)
    defer { input.deallocate() }
    input.copyMemory(from: UnsafeRawBufferPointer(start: data + 1, count: size - 1))
    let bytes = UnsafeRawBufferPointer(input)
    switch data[0] & 3 {
    case 0: checkDatagram(bytes)
    case 1: checkHTTP(bytes)
    case 2: checkQuery(bytes)
    default: checkAllowList(bytes)
    }
    return 0
}

func checkDatagram(_ bytes: UnsafeRawBufferPointer) {
    guard let request = UDPRequest.parse(bytes) else { return }
    let reply = UnsafeMutableRawBufferPointer.allocate(byteCount: 2048, alignment: 8)
    defer { reply.deallocate() }
    switch request {
    case .connect(let transaction):
        holds(UDPAnswer.connect(transaction: transaction, connection: 1, into: reply) <= bytes.count, "amplified")
    case .announce(_, let transaction, let announce):
        holds(bytes.count >= UDPRequest.announceLength, "an announce from too few bytes")
        holds((announce.numWant ?? 0) >= 0, "a negative number of peers")
        let size = UDPAnswer.failure(transaction: transaction, reason: "no", limit: bytes.count, into: reply)
        holds(size <= bytes.count, "amplified")
    case .scrape(_, let transaction, let hashes):
        holds(hashes.count % 20 == 0 && hashes.count <= 74 * 20, "odd hashes")
        let size = UDPAnswer.scrape(transaction: transaction, hashes: hashes, into: reply) { key in
            SwarmCounts(seeds: Int(key.third))
        }
        holds(size == 8 + hashes.count / 20 * 12, "a scrape that does not fit")
    }
}

func checkHTTP(_ bytes: UnsafeRawBufferPointer) {
    switch HTTPRequestHead.parse(bytes) {
    case .needsMore: holds(bytes.count < HTTPRequestHead.limit, "waits for more than the limit")
    case .refused: break
    case .request(let head):
        holds(head.length <= min(bytes.count, HTTPRequestHead.limit), "longer than what came")
        // The same request without its last byte is incomplete, and whatever follows changes nothing.
        guard case .needsMore = HTTPRequestHead.parse(UnsafeRawBufferPointer(rebasing: bytes[..<(head.length - 1)]))
        else { fatalError("a part of a request is one") }
        guard case .request(let same) = HTTPRequestHead.parse(UnsafeRawBufferPointer(rebasing: bytes[..<head.length])),
            same.length == head.length, same.query.count == head.query.count
        else { fatalError("what follows a request changes it") }
        checkQuery(head.query)
    }
}

func checkQuery(_ bytes: UnsafeRawBufferPointer) {
    if let announce = try? AnnounceQuery.parse(bytes) {
        holds((announce.numWant ?? 0) >= 0, "a negative number of peers")
    }
    if let keys = try? AnnounceQuery.scrapeKeys(bytes) { holds((1...74).contains(keys.count), "too many hashes") }
    if var announce = PeerName(bytes: [UInt8](repeating: 0, count: 20)).map({
        PeerAnnounce(swarm: SwarmKey(first: 0, second: 0, third: 0), peer: $0, port: 1)
    }) {
        AnnounceQuery.apply(urlData: bytes, to: &announce)
    }
}

func checkAllowList(_ bytes: UnsafeRawBufferPointer) {
    guard let keys = try? AllowListText.parse(Array(bytes)) else { return }
    for key in keys {
        holds(SwarmKey(hex: key.description) == key, "a hash does not survive its text")
        holds(SwarmKey(bytes: key.bytes) == key, "a hash does not survive its bytes")
    }
}
