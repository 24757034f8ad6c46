import NIOCore

/// Whether a new connection has said enough to be worth the handlers that its protocol needs. Pure.
///
/// Those handlers cost a hundred times what a few waiting bytes do, and most connections of an attack never say more.
struct FirstBytes: Sendable {
    /// What the connection is to begin with.
    enum Kind: Sendable {
        /// The head of an HTTP request.
        case head
        /// A record of TLS (RFC 8446, section 5.1): the greeting of its client.
        case tlsRecord
    }

    private let kind: Kind
    /// Bytes: with so many there is nothing more to wait for, and the protocol's own handlers say what is wrong.
    private let limit: Int
    private(set) var buffer = ByteBuffer()
    /// Bytes already looked at, of ``buffer``.
    private var seen = 0
    private var isLineEmpty = true
    private var lines = 0

    init(_ kind: Kind, limit: Int) {
        self.kind = kind
        self.limit = limit
    }

    /// - Returns: whether nothing more is to be waited for. What came is in ``buffer``.
    mutating func append(_ bytes: ByteBuffer) -> Bool {
        if buffer.readableBytes == 0 { buffer = bytes } else { buffer.writeImmutableBuffer(bytes) }
        if buffer.readableBytes >= limit { return true }
        switch kind {
        case .tlsRecord:
            let view = buffer.readableBytesView.prefix(5)
            // Five bytes: the kind of the record (22 is a handshake), its version, its length.
            guard view.first == 22, view.count == 5 else { return view.first.map { $0 != 22 } ?? false }
            let length = Int(view[view.startIndex + 3]) << 8 | Int(view[view.startIndex + 4])
            return buffer.readableBytes >= 5 + length
        case .head: return endsHead()
        }
    }

    /// Looks at what has not been looked at. A head ends with an empty line; what does not begin like a request has none.
    private mutating func endsHead() -> Bool {
        let view = buffer.readableBytesView
        if seen == 0, let first = view.first, !(UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(first) { return true }
        for byte in view.dropFirst(seen) {
            seen += 1
            switch byte {
            case UInt8(ascii: "\n"):
                if isLineEmpty { return true }
                lines += 1
                if lines == 1, !isRequestLine(view.prefix(seen)) { return true }
                isLineEmpty = true
            case UInt8(ascii: "\r"): break
            default: isLineEmpty = false
            }
        }
        return false
    }

    /// Whether a line ends as that of a request does (RFC 9112, section 3).
    private func isRequestLine(_ line: ByteBufferView.SubSequence) -> Bool {
        let end = line.reversed().drop { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }.prefix(9)
        return [" HTTP/1.1", " HTTP/1.0"].contains { end.elementsEqual($0.utf8.reversed()) }
    }
}
