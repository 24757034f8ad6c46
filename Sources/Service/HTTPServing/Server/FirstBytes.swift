import NIOCore

/// Decides whether a new connection has sent enough to justify the handlers of its protocol. Pure.
///
/// Those handlers cost a hundred times as much as a few buffered bytes, and most connections of an attack never send
/// more.
package struct FirstBytes: Sendable {
    /// The kind of bytes that a connection must begin with.
    package enum Kind: Sendable {
        /// The head of an HTTP request.
        case head
        /// A TLS record (RFC 8446, section 5.1) with the ClientHello.
        case tlsRecord
    }

    private let kind: Kind
    /// Bytes after which waiting ends; the protocol's own handlers then report the error.
    private let limit: Int
    package private(set) var buffer = ByteBuffer()
    /// Number of bytes of ``buffer`` that have been examined.
    private var seen = 0
    private var isLineEmpty = true
    private var lines = 0

    package init(_ kind: Kind, limit: Int) {
        self.kind = kind
        self.limit = limit
    }

    /// - Returns: whether waiting can end. The bytes are in ``buffer``.
    package mutating func append(_ bytes: ByteBuffer) -> Bool {
        if buffer.readableBytes == 0 { buffer = bytes } else { buffer.writeImmutableBuffer(bytes) }
        if buffer.readableBytes >= limit { return true }
        switch kind {
        case .tlsRecord:
            let view = buffer.readableBytesView.prefix(5)
            // Five bytes: the type of the record (22 is a handshake), its version, its length.
            guard view.first == 22, view.count == 5 else { return view.first.map { $0 != 22 } ?? false }
            let length = Int(view[view.startIndex + 3]) << 8 | Int(view[view.startIndex + 4])
            return buffer.readableBytes >= 5 + length
        case .head: return endsHead()
        }
    }

    /// Examines the new bytes for the empty line that ends a head. Bytes that do not begin like a request cannot have
    /// one.
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

    /// Whether a line ends like a request line (RFC 9112, section 3).
    private func isRequestLine(_ line: ByteBufferView.SubSequence) -> Bool {
        let end = line.reversed().drop { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }.prefix(9)
        return [" HTTP/1.1", " HTTP/1.0"].contains { end.elementsEqual($0.utf8.reversed()) }
    }
}
