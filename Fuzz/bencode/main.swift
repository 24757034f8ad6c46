// sources: Bencode
// max_len: 4096
//
// The decoder of everything bencoded. Holds for every input: it is refused, or it encodes to something that decodes to
// the same value; sorted input without freedom in it encodes to itself; a prefix consumes no more than there is, and
// spans lie inside the input and hold the values they say.

import Bencode

private let lenient = BencodeLimits(maxBytes: 1 << 16, maxTokens: 1000, maxDepth: 40)
private let strict = BencodeLimits(maxBytes: 1 << 16, maxTokens: 1000, maxDepth: 40, requiresSortedKeys: true)

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzBencode(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = Array(UnsafeBufferPointer(start: start, count: count))
    if let value = try? Bencode.decode(bytes, limits: lenient) {
        let encoded = Bencode.encode(value)
        precondition((try? Bencode.decode(encoded, limits: strict)) == value, "does not come back")
        if let dictionary = value.dictionaryValue {
            for entry in dictionary.entries {
                guard let span = entry.span, let key = entry.key.string, dictionary.span(of: key) == span else {
                    precondition(entry.key.string == nil, "a decoded value has no span")
                    continue
                }
                precondition(span.upperBound < bytes.count)
                precondition((try? Bencode.decode(Array(bytes[span]), limits: lenient)) == entry.value)
            }
        }
    }
    if let value = try? Bencode.decode(bytes, limits: lenient, leniency: .everything) {
        precondition(
            (try? Bencode.decode(Bencode.encode(value), limits: strict)) == value, "forgiven, and does not come back")
    }
    if let value = try? Bencode.decode(bytes, limits: lenient) {
        let forgiving = try? Bencode.decode(bytes, limits: lenient, leniency: .everything)
        precondition(forgiving == value, "forgiving changes what needs none")
    }
    if let value = try? Bencode.decode(bytes, limits: strict) {
        precondition(Bencode.encode(value) == bytes, "accepted what is not canonical")
    }
    if let (value, consumed) = try? Bencode.decodePrefix(bytes[...], limits: lenient) {
        precondition(consumed > 0 && consumed <= bytes.count)
        precondition((try? Bencode.decode(Array(bytes[..<consumed]), limits: lenient)) == value)
    }
    return 0
}
