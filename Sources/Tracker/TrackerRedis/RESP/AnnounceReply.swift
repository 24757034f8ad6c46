import Tracking

/// What the script answered, in memory that is reused for each reply.
package struct AnnounceReplyReader {
    package private(set) var seeds = 0
    package private(set) var leechers = 0
    private(set) var blob: BlobKey?
    package private(set) var ipv4: [UInt8] = []
    package private(set) var ipv6: [UInt8] = []

    package init() {}

    /// Reads a whole reply.
    /// - Returns: nil if it is what the script answers, else why not.
    package mutating func read(_ bytes: UnsafeRawBufferPointer) throws(RESPReader.Malformed) -> String? {
        (seeds, leechers, blob) = (0, 0, nil)
        ipv4.removeAll(keepingCapacity: true)
        ipv6.removeAll(keepingCapacity: true)
        var reader = RESPReader(bytes)
        switch try reader.next() {
        case .array(5): break
        case .error(let text): return String(decoding: text.prefix(200), as: UTF8.self)
        default: throw RESPReader.Malformed()
        }
        seeds = try count(&reader)
        leechers = try count(&reader)
        switch try reader.next() {
        case .bytes(let text): blob = text.isEmpty ? nil : BlobKey(text: Array(text))
        case .null: blob = nil
        default: throw RESPReader.Malformed()
        }
        try addresses(&reader)
        try addresses(&reader)
        return nil
    }

    private func count(_ reader: inout RESPReader) throws(RESPReader.Malformed) -> Int {
        guard case .integer(let number)? = try reader.next(), number >= 0 else { throw RESPReader.Malformed() }
        return Int(clamping: min(number, 1 << 40))
    }

    /// Members that are no addresses are left out: others may write to the store.
    private mutating func addresses(_ reader: inout RESPReader) throws(RESPReader.Malformed) {
        guard case .array(let number)? = try reader.next() else { throw RESPReader.Malformed() }
        for _ in 0..<number {
            guard case .bytes(let member)? = try reader.next() else { throw RESPReader.Malformed() }
            if member.count == 6 {
                ipv4.append(contentsOf: member)
            } else if member.count == 18 {
                ipv6.append(contentsOf: member)
            }
        }
    }
}
