// sources: Text HTTPTransport/Documents HTTPOrigin/Headers
// max_len: 4096
//
// What a web server says: ranges, delays, URLs, compressed documents. The first byte of the input chooses what it is taken
// for. Holds for every input: ranges are not empty and end where the file does, delays are not negative, a URL that was
// read reads the same again and its description shows no query, and no document is longer than its limit.

import HTTPOrigin
import HTTPTransport
import Text

private let limit = 1 << 16

private func check(url text: String) {
    guard let url = HTTPURL(text) else { return }
    precondition(HTTPURL(url.text) == url)
    precondition(url.query.isEmpty || url.description.hasSuffix("?…"))
    precondition(!url.authority.contains("@"))
    if let target = url.resolving(text) { precondition(HTTPURL(target.text) == target) }
    if let grown = url.appending([Array(text.utf8)]) { precondition(grown.host == url.host && grown.port == url.port) }
}

private func check(document bytes: [UInt8], _ codings: [String]) {
    if let decoded = try? ContentCoding.decode(bytes, codings, limit: limit) {
        precondition(decoded.count <= max(limit, bytes.count))
    }
}

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ data: UnsafePointer<UInt8>, _ size: Int) -> CInt {
    // libFuzzer owns the memory and lends it for this call.
    let input = [UInt8](UnsafeBufferPointer(start: data, count: size))
    guard let kind = input.first else { return 0 }
    let bytes = Array(input.dropFirst())
    let text = String(decoding: bytes, as: UTF8.self)
    switch kind % 6 {
    case 0:
        guard let range = ContentRange(text) else { break }
        precondition(!range.bytes.isEmpty && range.bytes.lowerBound >= 0)
        precondition(range.bytes.upperBound <= range.total ?? .max)
    case 1:
        if let seconds = RetryAfter.seconds(text, now: 1e9) { precondition(seconds >= 0 && seconds.isFinite) }
    case 2: check(url: text)
    case 3: precondition(HTTPURL.redacted(text).count <= 202)
    case 4: check(document: bytes, ["gzip"])
    default:
        check(document: bytes, ContentCoding.list(["deflate"]))
        if let (output, consumed) = try? Inflate.inflate(bytes[...], limit: limit) {
            precondition(output.count <= limit && consumed <= bytes.count)
        }
    }
    return 0
}
